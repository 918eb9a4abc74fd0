"""The training step of all baselines."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchmetrics import MeanMetric

from shardmill.errors import DivergedError
from shardmill.training.models.baseline import Baseline
from shardmill.training.objectives.find_objective import find_objective
from shardmill.training.objectives.objective import Objective
from shardmill.training.settings.settings import Settings

_EVALUATED = ("validation", "test")


class Learner(LightningModule):
    """A model, its loss and its metrics, which depend on the kind of target.

    Args:
        model: The model with the weights to start from.
        settings: The settings of the optimiser.
        steps: How many optimiser steps the whole run has. The learning rate goes up and down once
            in them.
    """

    def __init__(self, model: Baseline, settings: Settings, steps: int) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.steps = steps
        # A NaN must stay NaN. With "disable", torchmetrics 1.9 counts batches instead of rows.
        self.train_loss: MeanMetric = MeanMetric(nan_strategy=math.nan)
        self.loss: nn.ModuleDict = nn.ModuleDict(
            {s: MeanMetric(nan_strategy=math.nan) for s in _EVALUATED}
        )
        self.objective: Objective = find_objective(model, settings.loss)
        self.measured: nn.ModuleDict = nn.ModuleDict(
            {s: nn.ModuleDict(self.objective.metrics()) for s in _EVALUATED}
        )

    def forward(self, x: Any) -> Tensor:
        """Return logits [b, classes], or numbers [b]."""
        output: Tensor = self.model(x)
        return output

    def on_train_epoch_start(self) -> None:
        """Tell the loader its epoch. Lightning restores a loader's place only within epochs."""
        loader: Any = self.trainer.train_dataloader
        loader.set_epoch(self.current_epoch)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Seed dropout by the number of the step, so that a resumed run needs no random state."""
        place = f"{self.settings.seed} {self.global_step} {self.global_rank}".encode()
        torch.manual_seed(int.from_bytes(hashlib.blake2b(place, digest_size=8).digest()))
        if batch_idx == 0:
            self.train_loss.reset()

    def training_step(self, batch: tuple[Any, Tensor], index: int) -> Tensor:  # noqa: ARG002
        """Return the mean loss of a batch.

        Raises:
            DivergedError: The loss is not finite. The weights are still those of the step before.
        """
        x, y = batch
        with _without_statistics(self.model, len(y)):
            loss = self.objective.loss(self(x), y)
        if not bool(torch.isfinite(loss)):
            raise DivergedError(
                f"epoch {self.current_epoch + 1}, step {self.global_step + 1}",
                expected="a finite loss",
                found=str(loss.item()),
                fix="lower learning_rate, or look for extreme values in the data",
            )
        self.train_loss.update(loss.detach(), len(y))
        self.log("train_loss_step", loss, on_step=True, on_epoch=False, batch_size=len(y))
        self.log("train_loss", self.train_loss, on_step=False, on_epoch=True, batch_size=len(y))
        return loss * self._weight(len(y))

    def _weight(self, rows: int) -> float:
        """Return the factor that turns the mean of a rank's rows into its share of the whole mean.

        Gradients are averaged over ranks as if all had equally many rows. That is so except in the
        last step of an epoch.
        """
        ranks = self.trainer.world_size
        if ranks == 1 or not self.trainer.is_last_batch:
            return 1.0
        counted = torch.tensor(rows, device=self.device)
        torch.distributed.all_reduce(counted)
        return rows * ranks / int(counted)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the mean loss of all ranks so far, for a run that is resumed within the epoch."""
        loss = self.train_loss
        with loss.sync_context():
            state: Any = loss.metric_state
            checkpoint["train_loss"] = {name: value.cpu().clone() for name, value in state.items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the mean loss on one rank, since the losses of ranks are added up."""
        if self.global_rank == 0:
            for name, value in checkpoint["train_loss"].items():
                setattr(self.train_loss, name, value.to(self.train_loss.device))
            self.train_loss._update_count = 1

    def on_validation_epoch_start(self) -> None:
        """Let all ranks evaluate the same model."""
        self._share_buffers()

    def on_test_epoch_start(self) -> None:
        """Let all ranks evaluate the same model."""
        self._share_buffers()

    def _share_buffers(self) -> None:
        # In the last step batch norm has counted the rows of each rank. Those of rank 0 are saved.
        if self.trainer.world_size > 1:
            for buffer in self.model.buffers():
                torch.distributed.broadcast(buffer, 0)

    def validation_step(self, batch: tuple[Any, Tensor], index: int) -> None:  # noqa: ARG002
        """Measure the model in the validation split."""
        self._evaluate(batch, "validation")

    def test_step(self, batch: tuple[Any, Tensor], index: int) -> None:  # noqa: ARG002
        """Measure the model in the test split."""
        self._evaluate(batch, "test")

    def _evaluate(self, batch: tuple[Any, Tensor], split: str) -> None:
        x, y = batch
        output, loss = self(x), self.loss[split]
        loss.update(self.objective.loss(output, y), len(y))  # type: ignore[operator]
        # The metrics are logged as objects, so sums of all ranks are added before they are divided.
        self.log(f"{split}_loss", loss, batch_size=len(y))  # type: ignore[arg-type]
        compared = self.objective.compared(output, y)
        measured: Any = self.measured[split]
        for name, metric in measured.items():
            metric.update(*compared)
            self.log(f"{split}_{name}", metric, batch_size=len(y))

    def configure_optimizers(self) -> Any:
        """Return AdamW with the one-cycle schedule (Smith and Topin 2017)."""
        settings, transfer = self.settings, self.settings.transfer
        rates = [settings.learning_rate]
        groups: list[dict[str, Any]] = [{"params": list(self.parameters())}]
        if transfer is not None:
            rates.append(settings.learning_rate * transfer.backbone_rate)
            parts = {"head": self.model.head, "backbone": self.model.backbone}
            groups = [{"name": n, "params": list(part.parameters())} for n, part in parts.items()]
        optimizer = torch.optim.AdamW(groups, rates[0], weight_decay=settings.weight_decay)
        if self.steps == 1:  # one step is no cycle
            return optimizer
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=rates,
            total_steps=self.steps,
            # The rate takes at least a step and a half to its highest; one step would divide by 0.
            pct_start=max(settings.warmup, 1.5 / self.steps),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


@contextmanager
def _without_statistics(model: nn.Module, rows: int) -> Iterator[None]:
    # One row has no statistics, and the last batch of an epoch may be that short. Then batch norm
    # uses the statistics of the batches before.
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.training]
    if rows > 1:
        norms = []
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()
