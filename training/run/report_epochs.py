"""Reports the progress of a run on stderr."""

import sys
import time
from collections.abc import Iterable
from typing import Any, Literal

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

from shardmill.training.objectives.measures import Told, in_any_unit

# There is a line for each epoch, and on a terminal a bar below them for the running one.
Report = Literal["bar", "lines", "nothing"]

_DIGITS = 5


class EpochBar(RichProgressBar):
    """Lightning's bar of the running epoch, on stderr.

    A line of 80 characters has room for it. When the epoch ends, it is gone, and `EpochLines` has
    written a line.
    """

    def __init__(self) -> None:
        super().__init__(leave=False, console_kwargs={"stderr": True})

    def configure_columns(self, trainer: Trainer) -> list[Any]:  # noqa: ARG002
        """Return the columns before the metrics."""
        return [
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        ]

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing to stand beside the bar: the line of each epoch has its numbers."""
        return {}

    def _get_train_description(self, current_epoch: int) -> str:
        # Lightning counts from 0, as nothing else here does.
        return f"epoch {current_epoch + 1}/{self.trainer.max_epochs}"


class EpochLines(Callback):
    """Writes a line after each epoch: its losses, its metrics, and the seconds that it took.

    A line of 80 characters has room for it, up to 100 epochs of 99.9 seconds each.

    Args:
        told: What the line tells, in order.
    """

    def __init__(self, told: Iterable[Told]) -> None:
        self._told = tuple(told)
        self._started = time.perf_counter()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Note when the epoch begins."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Write the line, on the first rank only."""
        line = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        found = trainer.callback_metrics
        for told in self._told:
            if told.metric in found:
                value = float(found[told.metric])
                shown = in_any_unit(value) if told.in_unit else short(value)
                line += f"{told.before}{shown}{told.after}"
        line += f"  {time.perf_counter() - self._started:.1f} s"
        if trainer.is_global_zero:
            print(line, file=sys.stderr, flush=True)


def report_nothing_left(report: Report) -> None:
    """Say that the run to be resumed was already finished."""
    if report != "nothing":
        print("the run was finished before: nothing is left to train", file=sys.stderr, flush=True)


def make_reporters(report: Report, told: Iterable[Told]) -> list[Any]:
    """Return the callbacks that report progress in this way.

    Args:
        report: How progress is reported.
        told: What the line of an epoch tells, in order.
    """
    if report == "bar":
        return [EpochLines(told), EpochBar()]
    return [EpochLines(told)] if report == "lines" else []


def short(value: float) -> str:
    """Return a number with four decimals, or fewer so that it has at most five digits.

    Example:
        >>> short(0.12345), short(12.345678), short(123456.7)
        ('0.1235', '12.346', '123457')
    """
    whole = len(f"{abs(value):.0f}")
    return f"{value:.{max(_DIGITS - whole, 0)}f}"
