"""Opens an artifact of any kind."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.find_cached import find_cached
from shardmill.datasets.image import ImageDataset
from shardmill.datasets.item_types import (
    DatasetOptions,
    Layout,
    NamedOptions,
    TextOptions,
    Transform,
)
from shardmill.datasets.tabular import TabularDataset
from shardmill.datasets.text import TextDataset
from shardmill.format.manifest import Manifest

if TYPE_CHECKING:
    from torch import Tensor

    from shardmill.format.batch import Bag, Padded

_DATASETS: Mapping[str, type[ShardDataset]] = {
    dataset.kind: dataset for dataset in (ImageDataset, TabularDataset, TextDataset)
}


@overload
def open(  # noqa: A001
    path: str | os.PathLike[str], split: str = ..., **options: Unpack[DatasetOptions]
) -> ShardDataset: ...


@overload
def open(  # noqa: A001
    path: str | os.PathLike[str],
    split: str = ...,
    *,
    names: Mapping[str, str],
    **options: Unpack[NamedOptions],
) -> "ShardDataset[dict[str, Tensor], dict[str, Tensor]]": ...


@overload
def open(  # noqa: A001
    path: str | os.PathLike[str],
    split: str = ...,
    *,
    drop_features: Sequence[str],
    layout: Layout = ...,
    **options: Unpack[TextOptions],
) -> TabularDataset[Any]: ...


@overload
def open(  # noqa: A001
    path: str | os.PathLike[str],
    split: str = ...,
    *,
    layout: Literal["padded"],
    **options: Unpack[TextOptions],
) -> "TextDataset[tuple[Padded, Tensor]]": ...


@overload
def open(  # noqa: A001
    path: str | os.PathLike[str],
    split: str = ...,
    *,
    layout: Literal["bag"],
    **options: Unpack[TextOptions],
) -> "TextDataset[tuple[Bag, Tensor]]": ...


@overload
def open(  # noqa: A001
    path: str | os.PathLike[str],
    split: str = ...,
    *,
    layout: Literal["jagged"],
    **options: Unpack[TextOptions],
) -> "TextDataset[tuple[Tensor, Tensor]]": ...


@overload
def open(  # noqa: A001
    path: str | os.PathLike[str],
    split: str = ...,
    *,
    layout: Layout = ...,
    **options: Unpack[TextOptions],
) -> TextDataset[Any, Any]: ...


def open(  # noqa: A001  reads as shardmill.open(...)
    path: str | os.PathLike[str],
    split: str = "train",
    *,
    transform: Transform | None = None,
    target_transform: Transform | None = None,
    per_row: bool = False,
    names: Mapping[str, str] | None = None,
    drop_features: Sequence[str] | None = None,
    layout: Layout | None = None,
    max_tokens: int | None = None,
    manifest: Manifest | None = None,
    cache: str | os.PathLike[str] | None = None,
    cache_bytes: int | None = None,
) -> Any:
    """Return a split of an artifact as the dataset of its kind.

    That is a `TabularDataset`, an `ImageDataset` or a `TextDataset`; use the class itself where
    a type checker should know what rows and batches are.

    Args:
        path: The folder of the artifact, or its URL.
        split: The name of one of its splits.
        transform: A function of `x` as it would be returned: of a row, or of a whole batch.
        target_transform: The same for `y`.
        per_row: Whether to apply the transforms to each row of a batch, and stack what they return.
        names: The names of fields in rows and batches, which are dicts then:
            `{"x": "pixel_values", "y": "labels"}`. Fields that are not listed keep their own names.
            Padded texts have an `attention_mask` too; see `TextDataset`.
        drop_features: For tables, the names of the features to leave out of `x`.
        layout: For texts, also those of a table, how the `x` of a batch is put together: "padded"
            (if not given), "bag" or "jagged"; see `TextDataset`.
        max_tokens: For texts, how many tokens of a row are kept; all of them if not given.
        manifest: The manifest of the artifact, if it was read before.
        cache: For a URL, the folder into which files are brought; None for the user's own.
        cache_bytes: How many bytes that folder may hold; None for any number.

    Raises:
        MissingArtifactError: There is no such artifact.
        StorageError: The storage at the URL refused or failed.
        UnknownSplitError: The artifact has no such split.
        ArtifactError: The artifact cannot be read.
        TypeError: An option is not one of this kind of artifact.
        ValueError: An option has a value that the artifact does not have.

    Example:
        >>> ds = shardmill.open("artifacts/titanic")
        >>> x, y = ds[:64]
        >>> x.shape, y.shape
        (torch.Size([64, 7]), torch.Size([64]))
    """
    if manifest is None:
        cached = find_cached(path, cache, cache_bytes)
        manifest = Manifest.load(path) if cached is None else cached.load_manifest()
    options: dict[str, Any] = {
        "transform": transform,
        "target_transform": target_transform,
        "per_row": per_row,
        "names": names,
        "manifest": manifest,
        "cache": cache,
        "cache_bytes": cache_bytes,
    }
    of_kinds: dict[str, dict[str, Any]] = {
        "tabular": {"drop_features": drop_features},
        "text": {"layout": layout, "max_tokens": max_tokens},
    }
    for kind, own in of_kinds.items():
        given = {name: value for name, value in own.items() if value is not None}
        has_texts = kind == "text" and manifest.vocabulary is not None  # a table may have some
        if given and kind != manifest.kind and not has_texts:
            name = next(iter(given))
            raise TypeError(
                f"{name} is an option of artifacts of kind {kind}, and {path} is of kind "
                f"{manifest.kind}"
            )
        options |= given
    return _DATASETS[manifest.kind](path, split, **options)
