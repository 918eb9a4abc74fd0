"""Brings images of any form to the one that a network works at."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def fit_images(x: Tensor, shape: Sequence[int], mean: float, std: float) -> Tensor:
    """Return standardised images [b, *shape] float32, channels last in memory.

    Where `x` has another number of channels, the mean of its own stands for each. Where it has
    another height or width, it is resized, bilinearly and smoothed where it shrinks.

    Args:
        x: [b, c, h, w] of any dtype.
        shape: [c, h, w] to come to.
        mean: of all pixels.
        std: of all pixels; 0 counts as 1.
    """
    channels, *size = shape
    images = x.float()
    if images.shape[1] != channels:
        images = images.mean(1, keepdim=True).expand(-1, channels, -1, -1)
    if list(images.shape[2:]) != size:
        images = functional.interpolate(images, size, mode="bilinear", antialias=True)
    standardised = (images - mean) / (std or 1.0)
    return standardised.contiguous(memory_format=torch.channels_last)
