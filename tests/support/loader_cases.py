"""What the tests of loader frameworks share."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

import shardmill
from shardmill import Bag, Padded, ShardDataset

RowKey = tuple[bytes, int]


# name -> artifact, split, another split, options
CASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "images": ("mnist", "validation", "test", {}),
    "tabular": ("titanic", "validation", "train", {}),
    "padded": ("ag_news", "test", "train", {}),
    "bag": ("ag_news", "test", "train", {"layout": "bag"}),
    "jagged": ("ag_news", "test", "train", {"layout": "jagged"}),
}


every_case = pytest.mark.parametrize("case", CASES)


workers_or_none = pytest.mark.parametrize("workers", [0, 2])


def open_case(artifacts: Path, case: str, **options: Any) -> ShardDataset:
    name, split, _, layout = CASES[case]
    dataset: ShardDataset = shardmill.open(artifacts / name, split, **layout, **options)
    return dataset


def tensors(batch: Any) -> list[Tensor]:
    """Return the plain tensors that a batch is made of."""
    if isinstance(batch, Tensor):
        nested: Any = batch
        return [nested.values(), nested.offsets()] if batch.is_nested else [batch]
    return [tensor for part in batch for tensor in tensors(part)]


def equal(a: list[Any], b: list[Any]) -> bool:
    """Say whether batches are equal, and their inputs laid out alike."""
    pairs = list(zip(tensors(a), tensors(b), strict=True))
    types = [[type(x) for x, _ in batches] for batches in (a, b)]
    return types[0] == types[1] and all(x.dtype == y.dtype and x.equal(y) for x, y in pairs)


def row_key(x: Tensor, y: Any) -> RowKey:
    return x.numpy().tobytes(), int(y)


def rows_of(batches: Iterable[Any]) -> list[RowKey]:
    """Return what tells the rows of batches apart, whatever their layout."""
    return [row_key(*row) for x, y in batches for row in zip(cut(x), y, strict=True)]


def cut(x: Any) -> Iterable[Tensor]:
    if isinstance(x, Padded):
        return (ids[:length] for ids, length in zip(x.ids, x.lengths.tolist(), strict=True))
    return x.ids.tensor_split(x.offsets[1:]) if isinstance(x, Bag) else x.unbind()


def rows_by_number(ds: Any) -> list[RowKey]:
    return [row_key(*ds[row]) for row in range(len(ds))]
