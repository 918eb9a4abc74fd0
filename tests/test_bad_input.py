"""Every bad input ends in a message that names the file, and leaves the last artifact whole."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from bad_input import CSV, FOLDER, IMAGES, LABELS, check_refusal, edit, preprocess, put, run


def remove(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).unlink()


Case = tuple[str, str, Callable[[Path], None], int, str, str]


CASES: list[Case] = [
    # what is bad, recipe, how it gets so, exit code, where, what else the message says
    ("truncated IDX", "image", put("raw/images", IMAGES[:-1]), 4, "raw/images", "24 bytes for 2 x"),
    ("IDX cut in header", "image", put("raw/images", IMAGES[:9]), 4, "raw/images", "3 dimensions"),
    (
        "wrong magic",
        "image",
        put("raw/images", b"\x89PNG" + IMAGES),
        4,
        "raw/images",
        "an IDX file",
    ),
    (
        "dimensions that promise too much",
        "image",
        put("raw/images", bytes([0, 0, 8, 4]) + struct.pack(">I", 2**30) * 4),
        4,
        "raw/images",
        "1,329,227,995,784,915,872,903,807,060,280,344,596 bytes",
    ),
    (
        "images and labels of different counts",
        "image",
        put("raw/labels", bytes([0, 0, 8, 1, 0, 0, 0, 1, 0])),
        4,
        "raw/labels",
        "one label for each of the 2 images",
    ),
    (
        "gzip cut short",
        "image",
        put("raw/images", gzip.compress(IMAGES)[:-3]),
        4,
        "raw/images",
        "cut short or damaged",
    ),
    (
        "gzip of CSV cut short",
        "tabular",
        put("raw/train.csv", gzip.compress(CSV)[:-9]),
        4,
        "raw/train.csv",
        "cut short or damaged",
    ),
    (
        "label outside the classes",
        "image",
        put("raw/labels", LABELS[:-1] + b"\7"),
        4,
        "row 1, column label",
        "'7'",
    ),
    (
        "missing column",
        "tabular",
        put("raw/train.csv", b"size,kept\n1,0\n"),
        4,
        "raw/train.csv, line 1",
        "without colour",
    ),
    (
        "extra column",
        "tabular",
        put("raw/train.csv", b"size,colour,age,kept\n1,red,2,0\n"),
        4,
        "raw/train.csv, line 1",
        "with 'age' besides",
    ),
    (
        "row with too many fields",
        "tabular",
        edit("raw/train.csv", b"2.5,blue,1", b"2,5,blue,1"),
        4,
        "raw/train.csv, line 3",
        "4",
    ),
    (
        "row with too few fields",
        "tabular",
        edit("raw/train.csv", b"2.5,blue,1", b"2.5,blue"),
        4,
        "raw/train.csv, line 3",
        "2",
    ),
    (
        "text that is not UTF-8",
        "tabular",
        edit("raw/train.csv", b"blue", b"bl\xfce"),
        4,
        "raw/train.csv, line 3",
        "byte 0xfc at column 7",
    ),
    (
        "class outside the recipe's",
        "tabular",
        edit("raw/train.csv", b"blue,1", b"blue,2"),
        4,
        "raw/train.csv, line 3, column kept",
        "'2'",
    ),
    (
        "category outside the map",
        "tabular",
        edit("raw/train.csv", b"blue", b"green"),
        4,
        "raw/train.csv, line 3, column colour",
        "'green'",
    ),
    (
        "text where a number should be",
        "tabular",
        edit("raw/train.csv", b"2.5", b"two"),
        4,
        "raw/train.csv, line 3, column size",
        "'two'",
    ),
    (
        "infinity where a number should be",
        "tabular",
        edit("raw/train.csv", b"2.5", b"inf"),
        4,
        "raw/train.csv, line 3, column size",
        "a finite float64",
    ),
    (
        "empty cell",
        "tabular",
        edit("raw/train.csv", b"2.5", b""),
        4,
        "raw/train.csv, line 3, column size",
        "an empty cell",
    ),
    (
        "unknown key in a recipe",
        "tabular",
        edit("tabular.toml", b"classes", b"clases"),
        3,
        "tabular.toml",
        "target.clases: unknown key, did you mean classes?",
    ),
    (
        "wrong type in a recipe",
        "tabular",
        edit("tabular.toml", b"first = 0", b'first = "0"'),
        3,
        "tabular.toml",
        "target.first: ",
    ),
    (
        "no TOML",
        "tabular",
        edit("tabular.toml", b'name = "toy"', b'name = "toy'),
        3,
        "tabular.toml",
        "valid TOML",
    ),
    ("missing recipe", "tabular", remove("tabular.toml"), 3, "tabular.toml", "No such file"),
    ("empty CSV", "tabular", put("raw/train.csv", b""), 4, "raw/train.csv", "an empty file"),
    (
        "header and nothing else",
        "tabular",
        put("raw/train.csv", b"size,colour,kept\n"),
        4,
        "raw/train.csv",
        "at least one row to keep",
    ),
    ("empty IDX", "image", put("raw/images", b""), 4, "raw/images", "an empty file"),
    (
        "no images",
        "image",
        put("raw/images", bytes([0, 0, 8, 3]) + struct.pack(">3I", 0, 2, 2)),
        4,
        "raw/images",
        "at least one row",
    ),
    ("missing raw file", "image", remove("raw/labels"), 4, "raw/labels", "a raw file"),
    ("no raw file at all", "tabular", remove("raw/train.csv"), 4, "raw/train.csv", "a raw file"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    for path, content in FOLDER.items():
        (tmp_path / path).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_bad_input(folder: Path, case: Case) -> None:
    _, recipe, make_bad, code, where, message = case
    out = folder / "out"
    assert preprocess(folder, recipe, out).exit_code == 0
    make_bad(folder)
    place = folder / where if not where.startswith("row ") else Path(where)
    check_refusal(preprocess(folder, recipe, out), code, place, message)
    assert run("verify", out / "toy").exit_code == 0
    assert list((out / "toy").glob(".building-*")) == []
