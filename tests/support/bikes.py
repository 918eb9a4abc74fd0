"""A recipe with all that tables can say, and raw rows for it."""

import csv
from pathlib import Path

import numpy as np

from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.tabular_recipe import TabularRecipe

COLUMNS = """
name = "bikes"
kind = "tabular"
[columns]
hired = { dtype = "timestamp", parts = ["month", "weekday", "hour"] }
built = { dtype = "date", format = "%d/%m/%Y", missing = "median", scale = "min_max" }
holiday = { dtype = "bool" }
member = { dtype = "bool", true = ["ja"], false = ["nein"], missing = "mode" }
weather = { dtype = "str", categories = ["clear", "rain"], encode = "one_hot", missing = "keep" }
station = { dtype = "str", categories = "learn", min_freq = 2 }
temperature = { dtype = "float64", missing = "mean", scale = "standardise" }
wind = { dtype = "float64", missing = "constant", fill = 0 }
docks = { dtype = "int64" }
note = { dtype = "str", drop = true }
minutes = { dtype = "float64", missing = "drop" }
returned = { dtype = "str" }
"""
TARGETS = """
[targets]
minutes = {}
returned = { classes = ["no", "yes"] }
"""
GROUPS = """
[groups]
times = ["hired"]
numbers = ["temperature", "wind", "built"]
flags = { columns = ["holiday", "member", "weather"], dtype = "bool" }
places = ["station"]
docks = { columns = ["docks"], dtype = "int32" }
"""
SPLITS = """
[splits.train.csv]
path = "bikes.csv"
[splits.validation]
hold_out = { split = "train", fraction = 0.25 }
[splits.bare]
labelled = false
optional = true
csv.path = "bare.csv"
"""
BIKES = COLUMNS + TARGETS + GROUPS + SPLITS
NAMES = [line.split(" = ")[0] for line in COLUMNS.splitlines()[4:] if line]


def bikes_recipe(text: str = BIKES) -> TabularRecipe:
    recipe = parse_recipe(text, where="bikes")
    assert isinstance(recipe, TabularRecipe)
    return recipe


def raw_rows(rows: int, seed: int = 0) -> list[dict[str, str]]:
    """Return cells of `rows` raw rows; missing ones are empty."""
    rng = np.random.default_rng(seed)

    def maybe(cell: str) -> str:
        return cell if rng.random() < 0.8 else ""

    return [
        {
            "hired": f"2024-{rng.integers(1, 13):02}-{rng.integers(1, 29):02} "
            f"{rng.integers(0, 24):02}:30",
            "built": maybe(
                f"{rng.integers(1, 29)}/{rng.integers(1, 13)}/{rng.integers(1950, 2020)}"
            ),
            "holiday": str(rng.choice(["Yes", "no", "TRUE", "f", "1", "0"])),
            "member": maybe(str(rng.choice(["Ja", "nein"]))),
            "weather": maybe(str(rng.choice(["clear", "rain"]))),
            "station": str(rng.choice(["Nord", "Süd", "Ost", f"only {row}"])),
            "temperature": maybe(f"{rng.normal(10, 8):.3f}"),
            "wind": maybe(f"{rng.exponential(5):.2f}"),
            "docks": str(rng.integers(-(2**31), 2**31)),
            "note": "x",
            "minutes": maybe(f"{rng.exponential(20):.4f}"),
            "returned": str(rng.choice(["no", "yes"])),
        }
        for row in range(rows)
    ]


def write_raw(folder: Path, rows: int) -> None:
    """Write bikes.csv, and bare.csv without the targets."""
    for name, left_out in (("bikes.csv", set()), ("bare.csv", {"minutes", "returned"})):
        columns = [column for column in NAMES if column not in left_out]
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(raw_rows(rows, seed=len(left_out)))
