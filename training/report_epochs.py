"""What is said on stderr while a run goes on."""

import sys
import time
from typing import Any, Literal

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

# A bar on a terminal; elsewhere lines, one for each epoch.
Report = Literal["bar", "lines", "nothing"]


class EpochLines(Callback):
    """Writes a line after each epoch: its losses, its accuracy, and the seconds that it took."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Take the time."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Write the line, on one of all ranks."""
        found = trainer.callback_metrics
        words = [f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"]
        for name in ("train_loss", "validation_loss", "validation_accuracy"):
            if name in found:
                words.append(f"{name} {float(found[name]):.4f}")
        words.append(f"{time.perf_counter() - self._started:.1f} s")
        if trainer.is_global_zero:
            print("  ".join(words), file=sys.stderr, flush=True)


def make_reporters(report: Report) -> list[Any]:
    """Return the callbacks that say what a report is to say."""
    if report == "bar":
        return [RichProgressBar(leave=True, console_kwargs={"stderr": True})]
    return [EpochLines()] if report == "lines" else []
