"""One run of a build: how it goes about things, and what it took."""

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shardmill.pipeline.builds.generation import build_json
from shardmill.pipeline.builds.read_content import known_facts
from shardmill.pipeline.builds.run_tasks import Workers
from shardmill.raw.raw_files import RawContent

Progress = Callable[[str, int, int], None]  # stage, tasks done, tasks in all


def no_progress(stage: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(slots=True)
class Build:
    """One run: how it goes about things, and what it took.

    Attributes:
        workers: the processes that do it.
        progress: called at the start of a stage and after each of its tasks.
        notes: what the user should know, one line each.
        seconds: by stage.
    """

    workers: Workers
    progress: Progress = no_progress
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time that something takes to a stage's."""
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
    ) -> list[Any]:
        """Run the tasks of a stage, about `total` of them, and note how long they took."""
        done = 0
        self.progress(stage, done, total)

        def on_done() -> None:
            nonlocal done
            done += 1
            self.progress(stage, done, max(total, done))

        with self.timed(stage):
            return self.workers.run(function, arguments, on_done)

    def to_json(self, raw: Mapping[str, Sequence[RawContent]]) -> bytes:
        """Return build.json, which holds what may differ between equal builds of these files."""
        facts = {
            "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": platform.platform(),
            "python": platform.python_version(),
            "raw": known_facts(raw),
            "seconds": self.seconds,
            "workers": self.workers.processes,
        }
        return build_json(facts)
