"""Reports the progress of a run on stderr."""

import sys
import time
from typing import Any, Literal

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

# A terminal gets a bar, and everything else gets a line for each epoch.
Report = Literal["bar", "lines", "nothing"]


_METRICS = ("train_loss", "validation_loss", "validation_accuracy")


class EpochBar(RichProgressBar):
    """Lightning's bar, on stderr, with the training loss and validation accuracy so far.

    A line of 80 characters has room for it, up to 99 epochs of 999 batches.
    """

    def __init__(self) -> None:
        super().__init__(leave=True, console_kwargs={"stderr": True})

    def configure_columns(self, trainer: Trainer) -> list[Any]:  # noqa: ARG002
        """Return the columns before the metrics."""
        return [
            TextColumn("{task.description}"),
            BarColumn(bar_width=6),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        ]

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:  # noqa: ARG002
        """Return the metrics beside the bar, which has room for two."""
        found = _found(trainer)
        wanted = ("train_loss", "validation_accuracy")
        return {name: found[name] for name in wanted if name in found}

    def _get_train_description(self, current_epoch: int) -> str:
        # Lightning counts from 0, as nothing else here does.
        return f"epoch {current_epoch + 1}/{self.trainer.max_epochs}"


class EpochLines(Callback):
    """Writes a line after each epoch: its losses, its accuracy, and the seconds that it took."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Note when the epoch begins."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Write the line, on the first rank only."""
        words = [f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"]
        words += [f"{name} {value}" for name, value in _found(trainer).items()]
        words.append(f"{time.perf_counter() - self._started:.1f} s")
        if trainer.is_global_zero:
            print("  ".join(words), file=sys.stderr, flush=True)


def report_nothing_left(report: Report) -> None:
    """Say that the run to be resumed was already finished."""
    if report != "nothing":
        print("the run was finished before: nothing is left to train", file=sys.stderr, flush=True)


def make_reporters(report: Report) -> list[Any]:
    """Return the callbacks that report progress in this way."""
    if report == "bar":
        return [EpochBar()]
    return [EpochLines()] if report == "lines" else []


def _found(trainer: Trainer) -> dict[str, str]:
    metrics = trainer.callback_metrics
    return {name: f"{float(metrics[name]):.4f}" for name in _METRICS if name in metrics}
