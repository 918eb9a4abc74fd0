"""What happens between steps and epochs: checkpoints, early stopping, metrics, freezing."""

import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import (
    Checkpoint as CheckpointCallback,
    EarlyStopping,
    LearningRateMonitor,
    ModelCheckpoint,
)

from shardmill.atomic import make_folder, new_file
from shardmill.errors import DivergedError, ResumeError
from shardmill.training.models.freeze_parts import freeze_in_epoch
from shardmill.training.objectives.measures import better
from shardmill.training.run.resume_run import check_same_ranks
from shardmill.training.settings.settings import Metric, Settings, Transfer


class WholeFiles(TorchCheckpointIO):
    """Replaces older checkpoints in one step, so that a kill spoils neither the old nor the new."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            TypeError: Storage options are given, which files do not have.
        """
        if storage_options is not None:
            raise TypeError("there are no storage options for files")
        final = Path(path)
        make_folder(final.parent)
        with new_file(final) as file:
            torch.save(checkpoint, file)


class LastCheckpoint(CheckpointCallback):
    """Writes last.ckpt after every epoch, and within epochs after some steps or some time.

    Args:
        path: The path of the file.
        steps: After how many steps to write it; None for never within an epoch.
        interval: After what time to write it; None for never within an epoch.
    """

    def __init__(self, path: Path, *, steps: int | None, interval: timedelta | None) -> None:
        self.path = path
        self.steps = steps
        self.interval = interval
        self._written_at = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Start the clock of `interval`."""
        self._written_at = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Write if it is time, except after the last batch of an epoch: validation comes first."""
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return
        due = self.steps is not None and trainer.global_step % self.steps == 0
        if self.interval is not None:
            late = time.monotonic() - self._written_at >= self.interval.total_seconds()
            due = bool(trainer.strategy.broadcast(due or late))  # all ranks save, or none
        if due:
            refuse_not_finite(trainer)
            self._write(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Write the checkpoint of this epoch."""
        self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.path)
        self._written_at = time.monotonic()


class Memory(Callback):
    """What checkpoints hold beside Lightning's own state: facts of the run, and its last metrics.

    Args:
        facts: The facts in which a run that resumes this one must agree.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts: dict[str, Any] = dict(facts)
        self.metrics: dict[str, float] = {}
        self.began: bool = False  # stays False if a finished run is resumed

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Compare the facts with those of the first rank.

        Raises:
            AgreementError: They differ.
        """
        check_same_ranks(trainer.strategy.broadcast(self.facts), self.facts, trainer.global_rank)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Note that there is something to train."""
        self.began = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Take the metrics of this epoch.

        Raises:
            DivergedError: A weight is not finite. No checkpoint of this epoch is written then.
        """
        refuse_not_finite(trainer)
        found = trainer.callback_metrics
        wanted = ["train_loss", *(name for name in found if name.startswith("validation_"))]
        self.metrics = {name: float(found[name]) for name in wanted if name in found}

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {"facts": self.facts, "metrics": self.metrics}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the metrics of a checkpoint. Its facts were compared before."""
        self.metrics = state_dict["metrics"]


class Freezing(Callback):
    """Keeps frozen parts of a model frozen, and thaws them as the settings say."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Freeze the parts of this epoch, in case that the run was resumed in its middle."""
        freeze_in_epoch(pl_module.model, self.transfer, trainer.current_epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Freeze the parts that this epoch does not train."""
        freeze_in_epoch(pl_module.model, self.transfer, trainer.current_epoch)


class BestCheckpoint(ModelCheckpoint):
    """Lightning's checkpoint of the best epoch, which also resumes in a folder that was moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the best score so far, and look for its file in the folder of this run.

        Raises:
            ResumeError: The file is not there.
        """
        best = Path(str(self.dirpath)) / "best.ckpt"
        if state_dict["best_model_path"] and not best.is_file():
            raise ResumeError(
                best,
                expected="the checkpoint of the best epoch so far, beside last.ckpt",
                found="no such file",
                fix="put it back, or start the run anew, without --resume",
            )
        # Lightning forgets the score if the paths have changed.
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved: dict[str, Any] = {name: str(best) for name in paths if state_dict[name]}
        moved["best_k_models"] = {str(best): s for s in state_dict["best_k_models"].values()}
        super().load_state_dict({**state_dict, **moved, "dirpath": self.dirpath})


class PatientStopping(EarlyStopping):
    """Lightning's early stopping. It also stops a run that is resumed after it had stopped."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Stop if the run of the checkpoint was about to stop."""
        if self.stopping_reason_message is not None:
            trainer.should_stop = True

    def why(self) -> str | None:
        """Return why the run was stopped, if it was."""
        if self.stopping_reason_message is None:
            return None
        if self.wait_count < self.patience:  # the metric is no number any more
            return self.stopping_reason_message
        best = self.stopped_epoch - self.wait_count + 1  # counted from 1
        return (
            f"stopped after epoch {self.stopped_epoch + 1}: {self.monitor} has not improved "
            f"by more than {abs(self.min_delta):g} for {self.wait_count} epochs; "
            f"it last did in epoch {best}, to {float(self.best_score):.4f}"
        )


def make_callbacks(
    settings: Settings, folder: Path, *, default: Metric, memory: Memory
) -> list[Any]:
    """Return the callbacks of a run.

    Args:
        settings: The settings of the run.
        folder: The folder of the checkpoints.
        default: The metric of early stopping and checkpoints if the settings name none.
        memory: The memory of the run.
    """
    callbacks: list[Any] = [memory, LearningRateMonitor("step")]
    stopping, kept = settings.early_stopping, settings.checkpoint
    if settings.transfer is not None:
        callbacks.append(Freezing(settings.transfer))
    if stopping is not None:
        metric = stopping.metric or default
        callbacks.append(
            PatientStopping(
                metric, stopping.min_delta, stopping.patience, mode=better(metric), verbose=False
            )
        )
    if kept.best:
        metric = settings.best_metric() or default
        callbacks.append(
            BestCheckpoint(
                folder,
                "best",
                monitor=metric,
                mode=better(metric),
                save_on_train_epoch_end=True,
                enable_version_counter=False,
            )
        )
    if kept.last:  # it holds the state of the callback above, so it comes after
        minutes = kept.every_minutes
        interval = None if minutes is None else timedelta(minutes=minutes)
        last = LastCheckpoint(folder / "last.ckpt", steps=kept.every_n_steps, interval=interval)
        callbacks.append(last)
    return callbacks


def refuse_not_finite(trainer: Trainer) -> None:
    """Fail if a weight is not finite.

    Raises:
        DivergedError: A weight is not finite. The message names the epoch and the step.
    """
    weights = trainer.lightning_module.named_parameters()
    bad = [name for name, weight in weights if not bool(torch.isfinite(weight).all())]
    if bad:
        raise DivergedError(
            f"epoch {trainer.current_epoch + 1}, step {trainer.global_step}",
            expected="finite weights",
            found=f"others in {', '.join(bad)}",
            fix="lower learning_rate, or look for extreme values in the data",
        )
