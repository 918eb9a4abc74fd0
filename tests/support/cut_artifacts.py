"""What the tests of datasets share."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import shardmill
from shardmill import ShardDataset

ROWS = 20_000


IMAGE = """
name = "pictures"
kind = "image"
[target]
classes = ["a", "b", "c"]
[splits.train]
images = { path = "images" }
labels = { path = "labels" }
[splits.bare]
images = { path = "images" }
labelled = false
"""


TEXT = """
name = "texts"
kind = "text"
csv = { header = false }
text = { columns = ["label", "text"], join = ["text"], tokenizer = "whitespace" }
target = { column = "label", classes = ["no", "yes"] }
splits.train.csv.path = "texts.csv"
"""


def equal(a: Any, b: Any) -> bool:
    """Say whether two batches hold the same tensors."""
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return len(a) == len(b) and all(map(equal, a, b))


def open_text(path: Path, **options: Any) -> ShardDataset:
    ds: ShardDataset = shardmill.open(path / "texts", **options)
    return ds
