"""One run of a build: how it runs its tasks, and what it took."""

import platform
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.builds.generation import build_json
from shardmill.pipeline.builds.read_content import known_facts
from shardmill.raw.raw_files import RawContent
from shardmill.raw.work_sizes import DEFAULT_SIZES, WorkSizes

# A function of the stage, how many of its tasks are done, and how many there are.
Progress = Callable[[str, int, int], None]


def no_progress(stage: str, done: int, total: int) -> None:
    """Report no progress."""


@dataclass(slots=True)
class BuildRun:
    """One run of a build: how it runs its tasks, and what it took.

    Attributes:
        engine: Where the tasks run.
        progress: What to call at the start of a stage and after each of its tasks.
        notes: What the user should know, one line each.
        seconds: How long each stage took so far.
        sizes: The sizes of the pieces that tasks work on.
    """

    engine: Engine
    progress: Progress = no_progress
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    sizes: WorkSizes = DEFAULT_SIZES

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time that a block takes to the seconds of a stage."""
        started = time.perf_counter()
        yield
        took = self.seconds.get(stage, 0) + time.perf_counter() - started
        self.seconds[stage] = round(took, 3)

    def run(
        self,
        stage: str,
        function: Callable[..., Any],
        arguments: Iterable[tuple[Any, ...]],
        total: int,
    ) -> Generator[Any, None, None]:
        """Yield the results of a stage's tasks in order, as they come, and note how long it took.

        Close the iterator if it is left early: then none of the tasks runs any more.

        Args:
            stage: The name of the stage.
            function: The function that each task calls.
            arguments: The arguments of each task.
            total: About how many tasks there are.

        Raises:
            WorkerError: Something other than a task has ended a worker.
        """
        done = 0
        self.progress(stage, done, total)

        def on_done() -> None:
            nonlocal done
            done += 1
            self.progress(stage, done, max(total, done))

        with self.timed(stage):
            yield from self.engine.run(function, arguments, on_done)

    def to_json(self, raw: Mapping[str, Sequence[RawContent]]) -> bytes:
        """Return the content of build.json, which holds what may differ between equal builds."""
        facts = {
            "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": platform.platform(),
            "python": platform.python_version(),
            "raw": known_facts(raw),
            "seconds": self.seconds,
            "workers": self.engine.processes,
        }
        return build_json(facts)
