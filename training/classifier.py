"""The training step of all baselines."""

import hashlib
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from shardmill import DivergedError
from shardmill.training.baseline import Baseline
from shardmill.training.settings import Settings


class Classifier(LightningModule):
    """A model, its loss (cross-entropy) and its accuracy.

    Args:
        model: with fresh weights, or those to start from.
        settings: of the optimiser.
        steps: optimiser steps of the whole run, over which the learning rate goes up and down.
    """

    def __init__(self, model: Baseline, settings: Settings, steps: int) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.steps = steps
        self.train_loss = MeanMetric(nan_strategy="disable")
        self.train_loss.persistent(True)  # so that an epoch's mean is whole in a resumed run too
        self.accuracy = nn.ModuleDict(
            {
                split: MulticlassAccuracy(model.classes, average="micro")
                for split in ("validation", "test")
            }
        )

    def forward(self, x: Any) -> Tensor:
        """Return logits [b, classes]."""
        logits: Tensor = self.model(x)
        return logits

    def on_train_epoch_start(self) -> None:
        """Tell the loader its epoch: Lightning restores a loader's place inside epochs alone."""
        loader: Any = self.trainer.train_dataloader
        loader.set_epoch(self.current_epoch)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Seed dropout by the step, so that a run goes on from a place, not from a state."""
        place = f"{self.settings.seed} {self.global_step} {self.global_rank}".encode()
        torch.manual_seed(int.from_bytes(hashlib.blake2b(place, digest_size=8).digest()))
        if batch_idx == 0:
            self.train_loss.reset()

    def training_step(self, batch: tuple[Any, Tensor], index: int) -> Tensor:  # noqa: ARG002
        """Return the mean loss of a batch.

        Raises:
            DivergedError: it is not finite; the weights are still those of the step before.
        """
        x, y = batch
        loss = functional.cross_entropy(self(x), y)
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
        return loss

    def validation_step(self, batch: tuple[Any, Tensor], index: int) -> None:  # noqa: ARG002
        """Count what the model gets right in the validation split."""
        self._evaluate(batch, "validation")

    def test_step(self, batch: tuple[Any, Tensor], index: int) -> None:  # noqa: ARG002
        """Count what the model gets right in the test split."""
        self._evaluate(batch, "test")

    def _evaluate(self, batch: tuple[Any, Tensor], split: str) -> None:
        x, y = batch
        logits = self(x)
        self.accuracy[split](logits, y)
        loss = functional.cross_entropy(logits, y)
        shared = self.trainer.world_size > 1
        self.log(f"{split}_loss", loss, batch_size=len(y), sync_dist=shared)
        accuracy = self.accuracy[split]
        self.log(f"{split}_accuracy", accuracy, batch_size=len(y))  # type: ignore[arg-type]

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
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=rates,
            total_steps=self.steps,
            pct_start=settings.warmup,
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }
