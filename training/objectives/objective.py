"""What training asks of each kind of target."""

from typing import Protocol

from torch import Tensor
from torchmetrics import Metric


class Objective(Protocol):
    """The answers of one kind of target, for one model.

    What a model returns is its output: logits [b, classes], or numbers [b].
    """

    def loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of a batch, in float32 at least."""
        ...

    def metrics(self) -> dict[str, Metric]:
        """Return new metrics by name, as `measures.MEASURES` has them, of what `compared` gives."""
        ...

    def compared(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the metrics compare: an output and `y`, in the form that they take."""
        ...
