"""Features of an image."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class ImageCnn(nn.Module):
    """A small convolutional network for images of any dtype.

    Args:
        shape: [c, h, w] of an image, at least 8 x 8.
        mean, std: of all pixels of the train split, in their own units.

    Attributes:
        width: of what it returns.
    """

    def __init__(self, shape: Sequence[int], mean: float, std: float) -> None:
        super().__init__()
        self.mean = mean
        self.std = std or 1.0
        channels, height, width = shape
        blocks: list[nn.Module] = []
        for c_in, c_out in pairwise((channels, 16, 32, 64)):
            # Pooled before it is normalised, which is a quarter of the work.
            convolution = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
            blocks += [convolution, nn.MaxPool2d(2), nn.BatchNorm2d(c_out), nn.ReLU()]
            height, width = height // 2, width // 2
        self.width = 64 * height * width
        self.layers = nn.Sequential(*blocks, nn.Flatten())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Return features [b, width] of `x` [b, c, h, w]."""
        standardised = (x.float() - self.mean) / self.std
        features: Tensor = self.layers(standardised.contiguous(memory_format=torch.channels_last))
        return features
