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
from shardmill.pipeline.builds.ticks import Ticks
from shardmill.raw.raw_files import RawContent
from shardmill.raw.work_sizes import DEFAULT_SIZES, WorkSizes

# A function of what is being done, how much of it is done, and how much there is, or 0 if that is
# not known.
Progress = Callable[[str, int, int], None]
# A function of what is being done, a function that returns how much of it is done, and how much
# there is. It is called once, and whoever shows progress asks as often as they like.
Watch = Callable[[str, Callable[[], int], int], None]


def no_progress(stage: str, done: int, total: int) -> None:
    """Report no progress."""


@dataclass(slots=True)
class BuildRun:
    """One run of a build: how it runs its tasks, and what it took.

    Attributes:
        engine: Where the tasks run.
        progress: What to call at the start of a stage, after each of its tasks, and at its end.
        watch: What to call, in place of `progress` after each task, at the start of a stage whose
            tasks count what they have done; None if nobody wants to know.
        ticks: Where they count; None if they do not.
        notes: What the user should know, one line each.
        seconds: How long each stage took so far.
        sizes: The sizes of the pieces that tasks work on.
    """

    engine: Engine
    progress: Progress = no_progress
    watch: Watch | None = None
    ticks: Ticks | None = None
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    sizes: WorkSizes = DEFAULT_SIZES

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time that a block takes to the seconds of a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            took = self.seconds.get(stage, 0) + time.perf_counter() - started
            self.seconds[stage] = round(took, 3)

    def run(
        self,
        stage: str,
        function: Callable[..., Any],
        arguments: Iterable[tuple[Any, ...]],
        total: int,
        *,
        label: str = "",
        pieces: int = 0,
    ) -> Generator[Any, None, None]:
        """Yield the results of a stage's tasks in order, as they come, and note how long it took.

        Close the iterator if it is left early: then none of the tasks runs any more.

        Args:
            stage: The name of the stage.
            function: The function that each task calls.
            arguments: The arguments of each task.
            total: About how many tasks there are.
            label: What progress is called, such as the stage and the split; the stage if empty.
            pieces: About how many pieces the tasks count in `ticks`; 0 if they count none.

        Raises:
            WorkerError: Something other than a task has ended a worker.
        """
        done, label = 0, label or stage
        is_watched = bool(pieces) and self._watch(label, pieces)
        if not is_watched:
            self.progress(label, done, total)

        def on_done() -> None:
            nonlocal done
            done += 1
            if not is_watched:
                self.progress(label, done, max(total, done))
            elif done >= total:
                self.progress(label, pieces, pieces)

        with self.timed(stage):
            yield from self.engine.run(function, arguments, on_done)

    def _watch(self, label: str, pieces: int) -> bool:
        if self.watch is None or self.ticks is None:
            return False
        count, before = self.ticks.count, self.ticks.count()
        self.watch(label, lambda: count() - before, pieces)
        return True

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
