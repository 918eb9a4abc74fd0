"""What the tests of datasets share."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from building import build
from torch import Tensor

import shardmill
from shardmill import ShardDataset
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

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


def build_cut(folder: Path) -> Path:
    """Build images in ten shards and texts in five, in a folder, and return it."""
    images = np.random.default_rng(0).integers(0, 256, (ROWS, 2, 4), dtype=np.uint8)
    (folder / "images").write_bytes(encode_idx(images))
    (folder / "labels").write_bytes(encode_idx(np.arange(ROWS, dtype=np.int32) % 3))
    words = [" ".join(f"w{(row * 7 + k) % 50}" for k in range(row * 5 % 9)) for row in range(ROWS)]
    lines = [f"{('no', 'yes')[row % 2]},{text}\n" for row, text in enumerate(words)]
    (folder / "texts.csv").write_text("".join(lines))
    for text in (IMAGE, TEXT):
        build(parse_recipe(text, where="test"), folder, folder, rows_per_shard=1)
    return folder


def build_many(folder: Path) -> Path:
    """Build the same images, more of them in 24 shards, in a folder, and return it."""
    rows = 24 * 2_048 - 100
    numbers = np.arange(rows, dtype="<u8").view(np.uint8).reshape(rows, 2, 4)
    (folder / "images").write_bytes(encode_idx(numbers))
    (folder / "labels").write_bytes(encode_idx(np.arange(rows, dtype=np.int32) % 3))
    recipe = parse_recipe(IMAGE.replace("pictures", "many"), where="test")
    build(recipe, folder, folder, rows_per_shard=1)
    return folder


def equal(a: Any, b: Any) -> bool:
    """Say whether two batches hold the same tensors."""
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return len(a) == len(b) and all(map(equal, a, b))


def open_text(path: Path, **options: Any) -> ShardDataset:
    ds: ShardDataset = shardmill.open(path / "texts", **options)
    return ds
