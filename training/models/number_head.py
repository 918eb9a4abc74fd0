"""The last layer of a model that returns a number for each row."""

import torch
from torch import Tensor, nn


class NumberHead(nn.Linear):
    """Makes numbers of features: a standardised number, brought to the unit of the target.

    Args:
        width: How many features there are.

    Attributes:
        mean: The mean of the target in the train split, float32 []. It is 0 until it is set.
        std: The standard deviation of the target in the train split, float32 []. It is 1 until it
            is set.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, width: int) -> None:
        super().__init__(width, 1)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("std", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        """Return numbers [b], float32 at least, for features [b, width]."""
        found = super().forward(features)[:, 0]
        return _precise(found) * self.std + self.mean

    def standardise(self, numbers: Tensor) -> Tensor:
        """Return numbers [b] in standard deviations from the mean."""
        return (_precise(numbers) - self.mean) / self.std

    def rescale(self, mean: Tensor, std: Tensor) -> None:
        """Take weights that were learnt with another mean and deviation, and return what they did.

        Args:
            mean: The mean that they were learnt with.
            std: The standard deviation that they were learnt with.
        """
        if torch.equal(mean, self.mean) and torch.equal(std, self.std):
            return
        with torch.no_grad():
            self.weight.mul_(std / self.std)
            self.bias.copy_((self.bias * std + mean - self.mean) / self.std)


def _precise(numbers: Tensor) -> Tensor:
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32))
