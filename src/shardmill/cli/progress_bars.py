"""Draws progress bars on stderr, one for each stage and split."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichBars

    from shardmill.pipeline.builds.build_run import Progress, Watch

_SHOWN = 4  # so many bars stay in view


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What a build or a download calls to report its progress.

    Attributes:
        progress: Takes what is being done, how much of it is done, and how much there is.
        watch: Takes what is being done, and whom to ask how much of it is done; None if nothing is
            drawn, so that nobody has to count.
    """

    progress: "Progress"
    watch: "Watch | None" = None


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Callbacks]:
    """Give callbacks that draw a progress bar for each stage and split on stderr.

    They draw nothing if `quiet` is set or if stderr is not a terminal.

    Args:
        quiet: Whether to draw nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield Callbacks(lambda stage, done, total: None)  # noqa: ARG005
        return
    from rich.console import Console

    with make_bars(Console(stderr=True)) as bars:
        yield callbacks_of(bars)


def make_bars(console: object, now: Callable[[], float] | None = None) -> "RichBars":
    """Return bars that ask those who count, each time before they are drawn.

    Args:
        console: The console of rich to draw on.
        now: The clock; None for that of rich, which draws several times a second.
    """
    from rich.progress import BarColumn, Progress as RichBars, TaskProgressColumn, TextColumn

    from shardmill.cli.time_left import TimeLeft

    class Bars(RichBars):
        def get_renderables(self) -> Iterable[object]:  # type: ignore[override]
            for task in self.tasks:
                ask = task.fields.get("ask")
                if ask is not None and not task.finished:
                    # What there is was estimated. A stage that is not over is not whole.
                    most = max((task.total or 0) - 1, 0)
                    self.update(task.id, completed=min(ask(), most))
            yield from super().get_renderables()

    named = TextColumn("{task.description}", markup=False)
    columns = (named, BarColumn(bar_width=24), TaskProgressColumn(), TimeLeft())
    options = {} if now is None else {"get_time": now, "auto_refresh": False}
    return Bars(*columns, console=console, transient=True, **options)  # type: ignore[arg-type]


def callbacks_of(bars: "RichBars") -> Callbacks:
    """Return the callbacks that draw on bars."""
    from rich.progress import TaskID

    tasks: dict[str, TaskID] = {}

    def begin(label: str, total: int, ask: Callable[[], int] | None = None) -> None:
        for task in bars.tasks:  # what comes before is over
            bars.update(task.id, completed=task.total or 1, total=task.total or 1)
        if label in tasks:
            bars.remove_task(tasks[label])
        tasks[label] = bars.add_task(label, total=total or None, ask=ask)
        for task in bars.tasks[:-_SHOWN]:
            bars.update(task.id, visible=False)

    def progress(label: str, done: int, total: int) -> None:
        known = next((task for task in bars.tasks if task.id == tasks.get(label)), None)
        if known is None or (done == 0 and known.completed):
            begin(label, total)
        bars.update(tasks[label], completed=done, total=total or None)

    return Callbacks(progress, lambda label, ask, total: begin(label, total, ask))
