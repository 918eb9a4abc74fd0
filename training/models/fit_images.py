"""Brings images of any size and channels to those of a network."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def fit_images(
    x: Tensor,
    shape: Sequence[int],
    mean: float,
    std: float,
    *,
    layout: torch.memory_format = torch.channels_last,
) -> Tensor:
    """Return standardised images [b, *shape] float32.

    If `x` has another number of channels, each channel becomes the mean of all of its channels. If
    it has another height or width, it is resized bilinearly, and smoothed if it shrinks.

    Args:
        x: Images [b, c, h, w] of any dtype.
        shape: The shape [c, h, w] that they get.
        mean: The mean of all pixels.
        std: The standard deviation of all pixels; 0 counts as 1.
        layout: How they lie in memory.
    """
    channels, *size = shape
    images = x.float()
    if images.shape[1] != channels:
        images = images.mean(1, keepdim=True).expand(-1, channels, -1, -1)
    if list(images.shape[2:]) != size:
        images = functional.interpolate(images, size, mode="bilinear", antialias=True)
    standardised = (images - mean) / (std or 1.0)
    # The strides of images of one channel may fit both layouts. `contiguous` would leave them as
    # they are, and convolutions might take them for the other layout.
    return standardised.clone(memory_format=layout)
