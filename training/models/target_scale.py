"""The mean and the standard deviation of a target that is a number."""

import math

import numpy as np

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.models.untrainable import untrainable

_ROWS = 1 << 20  # are added at once, so that memory has a bound


def target_scale(dataset: ShardDataset) -> tuple[float, float]:
    """Return the mean and the (population) standard deviation of the target of a split.

    Raises:
        UntrainableError: It is the same in every row.
    """
    y = dataset.numpy()["y"]
    parts = [y[first : first + _ROWS] for first in range(0, len(y), _ROWS)]
    mean = math.fsum(float(part.sum(dtype=np.float64)) for part in parts) / len(y)
    squares = (np.square(part - mean, dtype=np.float64) for part in parts)
    std = math.sqrt(math.fsum(float(part.sum()) for part in squares) / len(y))
    if float(y.min()) == float(y.max()):
        found = f"{float(y[0]):g} in every row"
        raise untrainable(dataset, "a target of two numbers or more", found)
    return mean, std
