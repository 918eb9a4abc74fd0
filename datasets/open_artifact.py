"""Opens an artifact of any kind."""

import os
from typing import Any

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.image import ImageDataset
from shardmill.datasets.tabular import TabularDataset
from shardmill.datasets.text import TextDataset
from shardmill.format.manifest import Manifest

_DATASETS: dict[str, type[ShardDataset]] = {
    dataset.kind: dataset for dataset in (ImageDataset, TabularDataset, TextDataset)
}


def open(  # noqa: A001  reads as shardmill.open(...)
    path: str | os.PathLike[str], split: str = "train", **options: Any
) -> ShardDataset:
    """Return a split of an artifact as the dataset of its kind.

    Args:
        path: the artifact's folder.
        split: one of its splits.
        options: see `TabularDataset`, `ImageDataset` and `TextDataset`.

    Raises:
        ArtifactError: there is no such artifact or split, or it cannot be read.
    """
    manifest = Manifest.load(path)
    return _DATASETS[manifest.kind](path, split, manifest=manifest, **options)
