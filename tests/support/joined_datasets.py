"""What the tests of joined share."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from building import build
from torch import Tensor
from torch.utils.data import DataLoader

import shardmill
from shardmill import Bag, Padded, ShardDataset
from shardmill.recipe.load_recipe import parse_recipe

MANY, FEW = 600, 37  # rows of the splits `train` and `few`


ROWS = MANY + FEW


INDICES = [0, 1, MANY - 1, MANY, ROWS - 1, -1, -FEW, -FEW - 1, -ROWS, 77, MANY, 77]


IMAGE = """
name = "{name}"
kind = "image"
target = {{ classes = {classes} }}
[splits]
train = {{ images.path = "{images}", labels.path = "labels" }}
few = {{ images.path = "{few}", labels.path = "{few_labels}" }}
bare = {{ images.path = "{images}", labelled = false }}
bare-few = {{ images.path = "{few}", labelled = false }}
"""


TEXT = """
name = "{name}"
kind = "text"
csv = {{ header = false }}
text = {{ columns = ["label", "text"], join = ["text"], tokenizer = "whitespace" }}
target = {{ column = "label", classes = ["a", "b", "c"] }}
vocabulary = {{ padding = "{padding}", min_freq = {min_freq} }}
splits.train.csv.path = "texts.csv"
splits.few.csv.path = "few.csv"
"""


# Name -> options with which both members of a pair are opened.
KINDS: Mapping[str, dict[str, Any]] = {
    "pictures": {},
    "padded": {"layout": "padded"},
    "bag": {"layout": "bag"},
    "jagged": {"layout": "jagged"},
    "cut": {"layout": "bag", "max_tokens": 2},
}


def make(folder: Path, recipe: str, **facts: Any) -> Path:
    """Build an artifact whose recipe differs in some facts."""
    defaults = {"classes": ["a", "b", "c"], "images": "images", "padding": "<pad>", "min_freq": 1}
    few = {"few": "few", "few_labels": "few-labels"}
    if "images" in facts:  # of another shape or dtype in every split
        few = {"few": facts["images"], "few_labels": "labels"}
    text = recipe.format(**defaults | few | facts)
    return build(parse_recipe(text, where="test"), folder, folder, rows_per_shard=1)


def pair(folder: Path, kind: str = "pictures", **options: Any) -> list[ShardDataset]:
    """The datasets `train` and `few` of a kind."""
    path = folder / ("pictures" if kind == "pictures" else "texts")
    return [shardmill.open(path, name, **KINDS[kind] | options) for name in ("train", "few")]


def rows_of(x: Any) -> list[Any]:
    """The rows of the `x` of a batch, whatever its layout."""
    if isinstance(x, Padded):
        assert x.ids.shape[1] == max(x.lengths.tolist(), default=0)
        past = torch.arange(x.ids.shape[1]) >= x.lengths[:, None]
        assert bool((x.ids[past] == 1).all())
        return [row[:n].tolist() for row, n in zip(x.ids, x.lengths, strict=True)]
    if isinstance(x, Bag):
        bounds = [*x.offsets.tolist(), len(x.ids)]
        return [x.ids[start:stop].tolist() for start, stop in pairwise(bounds)]
    assert isinstance(x, Tensor)
    return [row.tolist() for row in x.unbind()]


def same(batch: Any, other: Any) -> bool:
    """Say whether two labelled batches are of one layout and hold the same rows."""
    (x, y), (other_x, other_y) = batch, other
    types = type(x) is type(other_x) and y.dtype == other_y.dtype
    return types and rows_of(x) == rows_of(other_x) and torch.equal(y, other_y)


def orders_of(loader: DataLoader[Any]) -> list[Tensor]:
    """The row numbers of the batches of an epoch."""
    sampler: Iterable[Any] = loader.batch_sampler or ()
    return list(sampler)
