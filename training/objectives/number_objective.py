"""Training on a target that is a number."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric, R2Score

from shardmill.training.models.number_head import NumberHead


class NumberObjective:
    """Squared or Huber loss of the standardised target, and metrics in the unit of the target.

    Everything is compared standardised, by the mean and the deviation of the train split. So the
    learning rate means the same in every unit, and no sum of squares is too large or too small for
    float32. Errors are brought back to the unit of the target at the end.

    Args:
        head: The head of the model, which knows the mean and the deviation.
        loss: "squared", or "huber": squared up to an error of one standard deviation of the
            target, and linear beyond, so that a few extreme rows count less.
    """

    def __init__(self, head: NumberHead, loss: str) -> None:
        self._head = head
        self._huber = loss == "huber"

    def loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of a batch. For squared loss, the mean of train has about 1."""
        compared = self.compared(output, y)
        if self._huber:
            return functional.huber_loss(*compared)
        return functional.mse_loss(*compared)

    def metrics(self) -> dict[str, Metric]:
        """Return RMSE, MAE and R², and the RMSE of the mean of the train split as a guess."""
        unit: Any = float(self._head.std)
        return {
            "rmse": MeanSquaredError(squared=False) * unit,
            "mae": MeanAbsoluteError() * unit,
            "r2": _R2(),
            "rmse_of_mean": _MeanGuess(squared=False) * unit,
        }

    def compared(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the standardised numbers [b] of the model, and the true ones."""
        return self._head.standardise(output), self._head.standardise(y)


class _MeanGuess(MeanSquaredError):  # noqa: N818  it is no exception
    """The error of a model that gives 0, which the mean is when it is standardised."""

    def update(self, preds: Tensor, target: Tensor) -> None:
        super().update(torch.zeros_like(preds), target)


class _R2(R2Score):
    """R², or NaN of a single row."""

    def compute(self) -> Tensor:
        few = int(self.total) < 2
        return torch.full_like(self.residual, math.nan) if few else super().compute()
