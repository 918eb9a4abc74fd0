"""Images, or arrays of any other shape."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from typing_extensions import TypeVar

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.item_types import Transform
from shardmill.format.manifest import Manifest

if TYPE_CHECKING:
    from torch import Tensor


ImageRow = TypeVar("ImageRow", default="tuple[Tensor, Tensor]")


class ImageDataset(ShardDataset[ImageRow, ImageRow]):
    """Images, or other arrays: `x` [*shape] in the dtype of the raw file, `y` the class index.

    Without a target, rows are `x` alone; `ImageDataset[Tensor]` says so to a type checker.

    Args:
        path: The folder of the artifact, or its URL.
        split: The name of one of its splits.
        transform: A function of `x` as it would be returned: of a row, or of a whole batch.
        target_transform: The same for `y`.
        per_row: Whether to apply the transforms to each row of a batch, and stack what they return.
        names: The names of fields in rows and batches, which are dicts then:
            `{"x": "pixel_values", "y": "labels"}`. Fields that are not listed keep their own names.
        manifest: The manifest of the artifact, if it was read before.
        cache: For a URL, the folder into which files are brought; None for the user's own.
        cache_bytes: How many bytes that folder may hold; None for any number.

    Raises:
        MissingArtifactError: There is no such artifact.
        UnknownSplitError: The artifact has no such split.
        KindError: The artifact is of another kind.

    Example:
        >>> ds = shardmill.ImageDataset("artifacts/mnist", split="test")
        >>> x, y = ds[0]
        >>> x.shape, x.dtype, y.dtype
        (torch.Size([1, 28, 28]), torch.uint8, torch.int64)
        >>> x, y = ds[:64]
        >>> x.shape, y.shape
        (torch.Size([64, 1, 28, 28]), torch.Size([64]))
    """

    kind = "image"


class MNISTDataset(ImageDataset[ImageRow]):
    """The artifact of the recipe `mnist`; see `ImageDataset`."""

    def __init__(
        self,
        path: str | os.PathLike[str] = "artifacts/mnist",
        split: str = "train",
        *,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        per_row: bool = False,
        names: Mapping[str, str] | None = None,
        manifest: Manifest | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        super().__init__(
            path,
            split,
            transform=transform,
            target_transform=target_transform,
            per_row=per_row,
            names=names,
            manifest=manifest,
            cache=cache,
            cache_bytes=cache_bytes,
        )
