"""What a build notes although it succeeded, and what `inspect` counts."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from small_parts import build

from shardmill.cli import main
from shardmill.format.manifest import Manifest
from shardmill.raw.work_sizes import WorkSizes

TABLE = """
name = "toy"
kind = "tabular"
splits.train.csv.path = "train.csv"
splits.SPLIT.csv.path = "other.csv"
[columns]
n = { dtype = "int64" }
c = { dtype = "str", categories = "learn", missing = "mode" }
"""
TEXTS = """
name = "toy"
kind = "text"
splits.train.csv.path = "train.csv"
splits.SPLIT.csv.path = "other.csv"
[text]
columns = ["n", "c"]
join = ["c"]
tokenizer = "whitespace"
"""
SMALL = WorkSizes(chunk_bytes=50, smallest_part_bytes=100)


def notes(
    tmp_path: Path, recipe: str, train: list[str], other: list[str], split: str = "validation"
) -> tuple[str, ...]:
    (tmp_path / "raw").mkdir(exist_ok=True)
    for name, cells in (("train", train), ("other", other)):
        rows = "".join(f"{n},{cell}\n" for n, cell in enumerate(cells))
        (tmp_path / f"raw/{name}.csv").write_text(f"n,c\n{rows}")
    recipe = recipe.replace("SPLIT", split)
    outcome = build(recipe, tmp_path / "raw", tmp_path / "out", sizes=SMALL)
    return outcome.notes


@pytest.mark.parametrize(
    ("recipe", "train", "other", "unknown", "note"),
    [
        # as pandas writes integers beside missing values
        (TABLE, ["1", "2", "3"] * 9, ["1.0", "", "3.0"], 2, "2 of 3 values of c in validation are"),
        (TABLE, ["1", "2", "3"] * 9, ["1"] * 9 + ["4"], 1, ""),
        (TABLE, ["1", "2", "3"] * 9, ["1"] * 8 + ["4", "5"], 2, "2 of 10 values of c in val"),
        (TEXTS, ["a b", "b c d"] * 9, ["a b c d e", "f"], 2, "2 of 6 tokens in validation are not"),
        (TEXTS, ["a b", "b c d"] * 9, ["a b c d"], 0, ""),
    ],
)
def test_unknown_values(
    tmp_path: Path, recipe: str, train: list[str], other: list[str], unknown: int, note: str
) -> None:
    found = notes(tmp_path, recipe, train, other)
    assert [each[: len(note)] for each in found] == [note] * bool(note)
    splits = Manifest.load(tmp_path / "out/toy").splits
    (total,) = splits["validation"].unknown().values()
    assert (total[0], [n for n, _ in splits["train"].unknown().values()]) == (unknown, [0])
    shown = CliRunner().invoke(main, ["inspect", str(tmp_path / "out/toy")]).output
    assert (f", {unknown} unknown: " in shown) == bool(unknown)


def test_a_category_for_nearly_each_row(tmp_path: Path) -> None:
    names = [f"person {n}" for n in range(30)]
    assert notes(tmp_path, TABLE, names, names) == (
        "c: 30 categories in 30 rows of train, hardly any twice",
    )
    assert notes(tmp_path, TABLE, names[:14] * 2, names[:14]) == (
        "c: 14 categories in 28 rows of train, hardly any twice",
    )
    assert notes(tmp_path, TABLE, names[:7] * 5, names[:7]) == ()


@pytest.mark.parametrize(("split", "noted"), [("dev", True), ("valid", True), ("test", False)])
def test_a_split_that_training_does_not_watch(tmp_path: Path, split: str, noted: bool) -> None:
    found = notes(tmp_path, TEXTS, ["a"], ["a"], split)
    assert [f"called {split}" in each for each in found] == [True] * noted
