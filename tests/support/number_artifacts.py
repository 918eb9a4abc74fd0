"""Artifacts whose target is a number that their rows determine, of each kind."""

from pathlib import Path

import numpy as np
from building import build

from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

TABLE = """
name = "homes"
kind = "tabular"
target.column = "price"
splits.train.csv.path = "homes.csv"
splits.validation.csv.path = "later.csv"
[columns]
area = { dtype = "float64" }
town = { dtype = "str", categories = ["a", "b"], encode = "one_hot" }
price = { dtype = "float64" }
"""
TEXTS = """
name = "notes"
kind = "text"
target.column = "stars"
splits.train.csv.path = "notes.csv"
splits.validation.hold_out = { split = "train", fraction = 0.25 }
splits.test.hold_out = { split = "train", fraction = 0.25 }
[text]
columns = ["note", "stars"]
join = ["note"]
"""
IMAGES = """
name = "spots"
kind = "image"
target = {}
splits.train = { images.path = "images", labels.path = "labels" }
splits.validation = { images.path = "images", labels.path = "labels" }
"""


def homes(folder: Path, *, unit: float = 1.0, recipe: str = TABLE, rows: int = 300) -> Path:
    """Build a table of homes, whose price grows with their area and depends on their town."""
    draw = np.random.default_rng(3)
    for name, count in (("homes.csv", rows), ("later.csv", 101)):
        areas, towns = draw.normal(100, 30, count), draw.integers(0, 2, count)
        prices = (1000 + 5 * areas + 100 * towns + draw.normal(0, 20, count)) * unit
        lines = [
            f"{area:.2f},{'ab'[town]},{price!r}"
            for area, town, price in zip(areas, towns, prices.tolist(), strict=True)
        ]
        (folder / name).write_text("\n".join(["area,town,price", *lines]) + "\n")
    return build(parse_recipe(recipe, where="test"), folder, folder / "artifacts")


def notes(folder: Path) -> Path:
    """Build texts with numbers: each good word adds one, and each bad word takes one."""
    draw = np.random.default_rng(4)
    words = {"good": 1, "fine": 1, "bad": -1, "poor": -1, "the": 0, "day": 0}
    lines = ["note,stars"]
    for _ in range(800):
        chosen = draw.choice(list(words), draw.integers(1, 9))
        lines.append(f"{' '.join(chosen)},{20 + sum(words[word] for word in chosen)}")
    (folder / "notes.csv").write_text("\n".join(lines) + "\n")
    return build(parse_recipe(TEXTS, where="test"), folder, folder / "artifacts")


def spots(folder: Path) -> Path:
    """Build images whose number is their brightness."""
    draw = np.random.default_rng(5)
    pixels = draw.integers(0, 256, (400, 1, 1)) * draw.random((400, 8, 8))
    (folder / "images").write_bytes(encode_idx(pixels.astype("u1")))
    (folder / "labels").write_bytes(encode_idx(pixels.mean((1, 2)).astype("f4") - 1000))
    return build(parse_recipe(IMAGES, where="test"), folder, folder / "artifacts")


ARTIFACTS = {"homes": homes, "notes": notes, "spots": spots}
