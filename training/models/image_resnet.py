"""Turns images into features with a small residual network."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from shardmill.training.models.fit_images import fit_images

# With fewer input channels than this and channels last in memory, torch's 1x1 convolution of stride
# 2 writes past its memory if threads cannot divide a batch evenly. torch 2.13 alone ended with
# SIGSEGV or SIGABRT at 4, 8, 12 and 15 channels, with 2 threads and batches of 33 and 97 images. It
# did not at 96 images, with 1 thread, from 16 channels on, with a stride of 1, with 3x3 pixels, or
# with channels first.
_LEAST_CHANNELS_LAST = 16


class ImageResnet(nn.Module):
    """A small residual network (He et al. 2016) for images of any dtype, size and channels.

    Args:
        shape: The shape [c, h, w] that images are brought to; see `fit_images`.
        mean: The mean of all pixels of the train split, in their own unit.
        std: The standard deviation of all pixels of the train split, in their own unit.
        width: How many channels the first of three stages has. Each further stage has twice as
            many, and halves the image.
        depth: How many blocks a stage has.

    Attributes:
        width: How many features it returns for an image.
    """

    def __init__(
        self, shape: Sequence[int], mean: float, std: float, *, width: int = 16, depth: int = 1
    ) -> None:
        super().__init__()
        self.shape: tuple[int, ...] = tuple(shape)
        self.mean: float = float(mean)
        self.std: float = float(std)
        widths = [width << stage for stage in range(3) for _ in range(depth)]
        self.width: int = widths[-1]
        # The stem halves the image, as it does for larger images: a quarter of the work.
        self.stem: nn.Sequential = nn.Sequential(
            _convolution(shape[0], width), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.blocks: nn.Sequential = nn.Sequential(
            *(_Block(a, b) for a, b in pairwise([width, *widths]))
        )
        self._layout: torch.memory_format = torch.channels_last
        if width < _LEAST_CHANNELS_LAST:
            self._layout = torch.contiguous_format
        self.to(memory_format=self._layout)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Return features [b, width] of `x` [b, c, h, w]."""
        images = fit_images(x, self.shape, self.mean, self.std, layout=self._layout)
        found: Tensor = self.blocks(self.stem(images.to(next(self.parameters()).dtype)))
        return found.mean((2, 3))  # adaptive pooling has no deterministic gradient on GPUs


class _Block(nn.Module):
    # Two convolutions, and a way past them. If the channels double, the way past them takes every
    # second pixel.

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        stride = 1 if c_in == c_out else 2
        self.first = _convolution(c_in, c_out, stride=stride)
        self.second = _convolution(c_out, c_out)
        self.past = nn.Identity() if stride == 1 else _convolution(c_in, c_out, size=1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(functional.relu(self.first(x)))
        return functional.relu(inner + self.past(x))


def _convolution(c_in: int, c_out: int, *, size: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(c_in, c_out, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out))
