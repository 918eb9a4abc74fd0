"""Training on a target of classes."""

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy


class ClassObjective:
    """Cross-entropy, and the share of rows whose likeliest class is the true one.

    Args:
        classes: How many classes there are.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy of a batch."""
        # It is computed in float32 at least, whatever the precision of the model.
        logits = output.to(torch.promote_types(output.dtype, torch.float32))
        return functional.cross_entropy(logits, y)

    def metrics(self) -> dict[str, Metric]:
        """Return the accuracy."""
        return {"accuracy": MulticlassAccuracy(self.classes, average="micro")}

    def compared(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and indices of classes as they are."""
        return output, y
