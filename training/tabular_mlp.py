"""Features of a row of a table."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class TabularMlp(nn.Module):
    """A multi-layer perceptron on standardised features; NaN counts as the mean.

    Args:
        mean, std: [f], of the train split.
        width: of the first layer.
        depth: number of layers, each half as wide as the one before.
        dropout: after each layer.

    Attributes:
        width: of what it returns.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        width: int = 64,
        depth: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        spread = torch.tensor(std, dtype=torch.float32)
        self.register_buffer("std", torch.where(spread > 0, spread, torch.ones_like(spread)))
        widths = [len(mean), *(max(width >> n, 1) for n in range(depth))]
        self.width = widths[-1]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Dropout(dropout))
                for a, b in pairwise(widths)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features [b, width] of `x` [b, f] float32."""
        standardised = torch.nan_to_num((x - self.mean) / self.std)
        features: Tensor = self.blocks(standardised)
        return features
