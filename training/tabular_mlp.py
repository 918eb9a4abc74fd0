"""Features of a row of a table."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TabularMlp(nn.Module):
    """A multi-layer perceptron on standardised features; NaN counts as the mean.

    Args:
        mean, std: [f], of the train split.

    Attributes:
        width: of what it returns.
    """

    mean: Tensor
    std: Tensor
    width = 32

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        widths = torch.tensor(std, dtype=torch.float32)
        self.register_buffer("std", torch.where(widths > 0, widths, torch.ones_like(widths)))
        self.layers = nn.Sequential(
            nn.Linear(len(mean), 64),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(64, self.width),
            nn.ReLU(),
            nn.Dropout(0.5),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features [b, width] of `x` [b, f] float32."""
        standardised = torch.nan_to_num((x - self.mean) / self.std)
        features: Tensor = self.layers(standardised)
        return features
