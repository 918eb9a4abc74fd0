"""Turns images into features with a small convolutional network."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from shardmill.training.models.fit_images import fit_images


class ImageCnn(nn.Module):
    """A small convolutional network for images of any dtype, size and channels.

    Args:
        shape: The shape [c, h, w] that images are brought to; see `fit_images`. Height and width
            are at least 2 ** `depth`.
        mean: The mean of all pixels of the train split, in their own unit.
        std: The standard deviation of all pixels of the train split, in their own unit.
        width: How many channels the first block has. Each further block has twice as many.
        depth: How many blocks there are. Each halves the image.

    Attributes:
        width: How many features it returns for an image.
    """

    def __init__(
        self, shape: Sequence[int], mean: float, std: float, *, width: int = 16, depth: int = 3
    ) -> None:
        super().__init__()
        self.shape: tuple[int, ...] = tuple(shape)
        self.mean: float = float(mean)
        self.std: float = float(std)
        channels, h, w = shape
        widths = [channels, *(width << n for n in range(depth))]
        self.blocks: nn.Sequential = nn.Sequential(*(_block(a, b) for a, b in pairwise(widths)))
        self.width: int = widths[-1] * (h >> depth) * (w >> depth)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Return features [b, width] of `x` [b, c, h, w]."""
        images = fit_images(x, self.shape, self.mean, self.std)
        found: Tensor = self.blocks(images.to(next(self.parameters()).dtype))
        return found.flatten(1)


def _block(c_in: int, c_out: int) -> nn.Sequential:
    convolution = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
    # Pooling comes before normalising, which leaves a quarter of the work.
    return nn.Sequential(convolution, nn.MaxPool2d(2), nn.BatchNorm2d(c_out), nn.ReLU())
