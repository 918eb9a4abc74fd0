"""What a build notes although it succeeded, and what `inspect` counts."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from small_parts import build

from shardmill.cli import main
from shardmill.format.manifest import Manifest
from shardmill.pipeline.sample.write_idx import encode_idx
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
    assert (" unknown" in shown.split("\nfields")[0]) == bool(unknown)


def test_a_category_for_nearly_each_row(tmp_path: Path) -> None:
    names = [f"person {n}" for n in range(30)]
    assert notes(tmp_path, TABLE, names, names[1:]) == (
        "c: 30 categories in 30 rows of train, hardly any twice",
    )
    assert notes(tmp_path, TABLE, names[:14] * 2, names[:14])[0] == (
        "c: 14 categories in 28 rows of train, hardly any twice"
    )
    assert notes(tmp_path, TABLE, names[:7] * 5, names[:7]) == ()


@pytest.mark.parametrize(
    ("split", "noted"), [("dev", True), ("valid", True), ("Validation", True), ("test", False)]
)
@pytest.mark.parametrize("beside", [False, True])
def test_a_split_that_training_does_not_watch(
    tmp_path: Path, split: str, noted: bool, beside: bool
) -> None:
    hold_out = 'splits.validation.hold_out = { split = "train", fraction = 0.5 }\n[text]'
    recipe = TEXTS.replace("[text]", hold_out) if beside else TEXTS
    found = notes(tmp_path, recipe, ["a"] * 4, ["a", "a"], split)
    how = f"nothing uses {split} beside it" if beside else f"this one is called {split}"
    assert found == (f"training watches the split validation, and {how}",) * noted


SAME = [
    # the files of train and of test, what else test says, and the note
    ("a.csv", "b.csv", "", ("a.csv in train and b.csv in test have the same content",)),
    ("a.csv", "b.csv.gz", "", ("a.csv in train and b.csv.gz in test have the same content",)),
    ("a.csv", "c.csv", "", ()),
    (
        "a*.csv",
        "b*.csv",
        "",
        ("a.csv in train and b.csv in test have the same content, and so have 1 more",),
    ),
    # Rows without a target are no second copy of what a model learns.
    ("a.csv", "b.csv", "splits.test.labelled = false\n", ()),
]


@pytest.mark.parametrize(("train", "test", "more", "expected"), SAME)
def test_the_same_rows_in_two_splits(
    tmp_path: Path, train: str, test: str, more: str, expected: tuple[str, ...]
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, content in (("a", "n,c\n1,x\n"), ("a2", "n,c\n2,x\n"), ("c", "n,c\n3,x\n")):
        (raw / f"{name}.csv").write_text(content)
    (raw / "b.csv").write_bytes((raw / "a.csv").read_bytes())
    (raw / "b2.csv").write_bytes((raw / "a2.csv").read_bytes())
    (raw / "b.csv.gz").write_bytes(gzip.compress((raw / "a.csv").read_bytes()))
    recipe = TEXTS.replace('"train.csv"', f'"{train}"').replace('"other.csv"', f'"{test}"')
    recipe = recipe.replace("SPLIT", "test")
    recipe = recipe.replace("[text]", f"{more}[text]")
    assert build(recipe, raw, tmp_path / "out").notes == expected


def test_copies_of_a_file_of_which_each_split_takes_other_rows(tmp_path: Path) -> None:
    for name in ("train", "other"):
        (tmp_path / f"{name}.csv").write_text("n,c\n1,x\n2,x\n")
    recipe = TEXTS.replace("SPLIT", "test")
    for name, value in (("train", "1"), ("other", "2")):
        recipe = recipe.replace(
            f'csv.path = "{name}.csv"',
            f'csv = {{ path = "{name}.csv", where = {{ n = "{value}" }} }}',
        )
    notes = build(recipe, tmp_path, tmp_path / "out").notes
    assert [note.partition(" are ")[0].partition(" is ")[0] for note in notes] == [
        "1 row of the files of train",
        "1 row of the files of test",
    ]


@pytest.mark.parametrize("test", ["images", "copy"])
def test_the_same_images_in_two_splits(tmp_path: Path, test: str) -> None:
    recipe = f"""
    name = "toy"
    kind = "image"
    target.classes = ["a", "b"]
    splits.train = {{ images.path = "images", labels.path = "labels" }}
    splits.test = {{ images.path = "{test}", labels.path = "labels" }}
    """
    for name in ("images", "copy"):
        (tmp_path / name).write_bytes(encode_idx(np.zeros((4, 2, 2), np.uint8)))
    (tmp_path / "labels").write_bytes(encode_idx(np.zeros(4, np.uint8)))
    expected = {
        "images": "images is in train and in test",
        "copy": "images in train and copy in test have the same content",
    }
    assert build(recipe, tmp_path, tmp_path / "out").notes == (expected[test],)
