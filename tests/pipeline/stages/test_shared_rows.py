"""A build notes splits whose rows are in train, too."""

import random
from pathlib import Path

import numpy as np
import pytest
from small_parts import build

from shardmill.pipeline.sample.write_idx import encode_idx

TEXTS = """
name = "toy"
kind = "text"
csv.header = false
target = { column = "y", classes = ["a", "b"] }
text = { columns = ["y", "x"], join = ["x"] }
splits.train.csv.path = "train.csv"
splits.dev.csv.path = "dev.csv"
"""
TABLE = """
name = "toy"
kind = "tabular"
csv.header = false
target = { column = "y", classes = ["a", "b"] }
columns.y = { dtype = "str" }
columns.x = { dtype = "str", categories = "learn" }
columns.n = { dtype = "int64", missing = "mean" }
splits.train.csv.path = "train.csv"
splits.dev.csv.path = "dev.csv"
"""
IMAGES = """
name = "toy"
kind = "image"
target.classes = "learn"
splits.train = { images.path = "images", labels.path = "labels" }
splits.dev = { images.path = "some", labels.path = "theirs" }
"""


def notes(recipe: str, folder: Path, train: list[str], dev: list[str]) -> list[str]:
    (folder / "train.csv").write_text("\n".join(train) + "\n")
    (folder / "dev.csv").write_text("\n".join(dev) + "\n")
    found = build(recipe, folder, folder, force=True).notes
    return [note for note in found if " rows of dev " in note or "content" in note]


def said(shared: int, rows: int, train: int) -> list[str]:
    return [f"{shared} of the first {rows} rows of dev are among the first {train:,} rows of train"]


@pytest.mark.parametrize("recipe", [TEXTS, TABLE])
def test_rows_that_are_in_train_too(tmp_path: Path, recipe: str) -> None:
    # the label and the white space around a cell may differ
    more = ",{n}" if recipe == TABLE else ""
    rows = [f"{'ab'[n % 2]},text {n}" + more.format(n=n if n % 7 else "") for n in range(6_000)]
    dev = [row.replace("a,", "b,") for row in random.Random(0).sample(rows[:4_000], 30)]
    others = [f"a,other {n}" + more.format(n=n) for n in range(70)]
    assert notes(recipe, tmp_path, rows, dev + others) == said(30, 100, 4096)
    assert notes(recipe, tmp_path, rows[:20], rows[:10]) == said(10, 10, 20)
    # too few to say so, and none
    assert notes(recipe, tmp_path, rows, dev[:9] + others) == []
    assert notes(recipe, tmp_path, rows, others) == []
    # nothing is said twice
    assert notes(recipe, tmp_path, rows[:50], rows[:50]) == [
        "train.csv in train and dev.csv in dev have the same content"
    ]
    unlabelled = recipe + "splits.dev.labelled = false\n"
    assert notes(unlabelled, tmp_path, rows, dev + others) == []


def test_rows_that_are_equal_by_chance(tmp_path: Path) -> None:
    draw = random.Random(1)
    rows = [f"a,{draw.choice('xyz')},{draw.randint(0, 9)}" for _ in range(500)]
    assert notes(TABLE, tmp_path, rows[:400], rows[400:]) == []


def test_images_that_are_in_train_too(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (200, 8, 8), np.uint8)
    for name, rows in (("images", images[:150]), ("some", images[120:])):
        (tmp_path / name).write_bytes(encode_idx(rows))
    for name, count in (("labels", 150), ("theirs", 80)):
        (tmp_path / name).write_bytes(encode_idx(np.arange(count, dtype=np.uint8) % 2))
    assert build(IMAGES, tmp_path, tmp_path).notes[1:] == tuple(said(30, 80, 150))
