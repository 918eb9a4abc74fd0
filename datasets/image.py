"""Images, or arrays of any other shape."""

import os
from typing import Any

from shardmill.datasets.dataset import ShardDataset


class ImageDataset(ShardDataset):
    """Rows of an image artifact: `x` [*shape] in the dtype of the raw file, `y` the class index.

    Example:
        >>> ds = ImageDataset("artifacts/mnist", split="test")
        >>> x, y = ds[0]  # [1, 28, 28] uint8, [] int64
        >>> x, y = ds[:256]  # [256, 1, 28, 28] uint8, [256] int64
    """

    kind = "image"


class MNISTDataset(ImageDataset):
    """The artifact of the recipe `mnist`; see `ImageDataset`."""

    def __init__(
        self,
        path: str | os.PathLike[str] = "artifacts/mnist",
        split: str = "train",
        **options: Any,
    ) -> None:
        super().__init__(path, split, **options)
