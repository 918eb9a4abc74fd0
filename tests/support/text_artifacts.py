"""What the tests of text layouts share."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import shardmill
from shardmill import Bag, Padded, ShardDataset
from shardmill.datasets.gather.split_reader import SplitReader
from shardmill.datasets.item_types import Layout

SHARD_ROWS = 4_096  # the fewest that alignment allows for texts with labels


ROWS = 2 * SHARD_ROWS + 900


LONGEST = 40


EDGES = [0, SHARD_ROWS - 1, SHARD_ROWS, 2 * SHARD_ROWS - 1, 2 * SHARD_ROWS, ROWS - 1]


LAYOUTS: list[Layout] = ["padded", "bag", "jagged"]


# Artifact -> its special tokens; the padding id is the place of <pad> among them.
SPECIALS = {"pad-is-0": ["<pad>", "<unk>"], "pad-is-1": ["<unk>", "<pad>"]}


TEXT = """
name = "{name}"
kind = "text"
csv = {{ header = false }}
text = {{ columns = ["label", "text"], join = ["text"], tokenizer = "whitespace" }}
target = {{ column = "label", classes = ["no", "yes"] }}
vocabulary = {{ specials = {specials}, unknown = "<unk>", padding = "<pad>" }}
[splits]
train.csv.path = "train.csv"
edges.csv.path = "edges.csv"
bare = {{ csv = {{ path = "bare.csv" }}, labelled = false }}
"""


Words = dict[str, list[list[str]]]


def write_raw(folder: Path, words: Words) -> None:
    """Write the raw file of each split; `bare` has the texts of `edges` and no labels."""
    for split, rows in words.items():
        lines = [f"{('no', 'yes')[at % 2]},{' '.join(row)}\n" for at, row in enumerate(rows)]
        (folder / f"{split}.csv").write_text("".join(lines))
    bare = [f'"{" ".join(row)}"\n' for row in words["edges"]]
    (folder / "bare.csv").write_text("".join(bare))


def open_mapped(path: Path, split: str = "train", *, spans: bool, **options: Any) -> ShardDataset:
    """Open a dataset of which all shards are mapped side by side, or each one by itself."""
    ds: ShardDataset = shardmill.open(path, split, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shardmill.datasets.gather.mapped_split.can_map_spans", lambda: spans)
        assert isinstance(ds.reader, SplitReader)
    assert ds._mapped.in_spans == spans
    return ds


def rows_of(x: Any, padding_id: int) -> list[list[int]]:
    """The ids of each row of a batch, whose layout keeps its promises."""
    if isinstance(x, Padded):
        rows = [row[:n].tolist() for row, n in zip(x.ids, x.lengths, strict=True)]
        assert x.lengths.dtype == torch.int64
        assert x.ids.shape == (len(rows), max(map(len, rows), default=0))
        past = torch.arange(x.ids.shape[1]) >= x.lengths[:, None]
        assert bool((x.ids[past] == padding_id).all())
        assert x.ids.dtype == torch.int32
        return rows
    if isinstance(x, Bag):
        ids, bounds = x.ids, [*x.offsets.tolist(), len(x.ids)]
        assert x.offsets.dtype == torch.int64
        assert x.offsets.shape == (len(bounds) - 1,)
    else:
        assert x.is_nested
        assert x.layout == torch.jagged
        ids, bounds = x.values(), x.offsets().tolist()
        assert x.size(0) == len(bounds) - 1
        assert bounds[-1] == len(ids)
    assert bounds[0] == 0
    assert ids.dtype == torch.int32
    return [ids[start:stop].tolist() for start, stop in pairwise(bounds)]


def check_batch(ds: ShardDataset, rows: Sequence[int], layout: Layout) -> None:
    """Batch `rows` is of `layout`, and what the rows are one by one."""
    x, y = ds[rows]
    assert isinstance(x, {"padded": Padded, "bag": Bag, "jagged": Tensor}[layout])
    one_by_one = [ds[row] for row in rows]
    assert rows_of(x, padding_id_of(ds)) == [ids.tolist() for ids, _ in one_by_one]
    assert y.tolist() == [int(target) for _, target in one_by_one]
    assert y.dtype == torch.int64


def padding_id_of(ds: ShardDataset) -> int:
    assert ds.manifest.vocabulary is not None
    return ds.manifest.vocabulary.padding_id
