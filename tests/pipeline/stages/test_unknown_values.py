"""An error of an unknown class names all that the file has, however it is cut."""

from pathlib import Path

import numpy as np
import pytest
from small_parts import build

from shardmill.errors import InputError, UnknownCategoryError, UnknownClassError
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw.work_sizes import WorkSizes

TABLE = """
name = "toy"
kind = "tabular"
target = { column = "y", classes = ["no", "yes"] }
splits.train.csv = [{ path = "train.csv", where = { use = "1" } }, { path = "more.csv" }]
[columns]
c = { dtype = "str", categories = ["a", "b"] }
use = { dtype = "str", drop = true }
y = { dtype = "str", missing = "drop" }
"""
TEXTS = """
name = "toy"
kind = "text"
target = { column = "y", classes = ["no", "yes"] }
splits.train.csv = [{ path = "train.csv", where = { use = "1" } }, { path = "more.csv" }]
[text]
columns = ["c", "use", "y"]
join = ["c"]
"""
SMALL = WorkSizes(chunk_bytes=100, smallest_part_bytes=300)
WHOLE = WorkSizes()
ROWS = ["a,1,no"] * 60


def message(tmp_path: Path, recipe: str, rows: list[str]) -> str:
    """Return the message of the error, which is the same whatever the parts and the workers."""
    (tmp_path / "train.csv").write_text("\n".join(["c,use,y", *rows, ""]))
    (tmp_path / "more.csv").write_text("c,use,y\na,1,of another file\n")
    found = set()
    for sizes, workers in ((SMALL, 1), (SMALL, 2), (WHOLE, 1)):
        with pytest.raises(InputError) as caught:
            build(recipe, tmp_path, tmp_path / "out", sizes=sizes, workers=workers)
        assert type(caught.value) in (UnknownClassError, UnknownCategoryError)
        found.add(str(caught.value))
    (only,) = found
    return only


@pytest.mark.parametrize("recipe", [TABLE, TEXTS])
def test_unknown_classes_of_all_chunks(tmp_path: Path, recipe: str) -> None:
    rows = [*ROWS, "a,1,maybe", *ROWS, "a,2,other split", "a,1,perhaps", *ROWS, "a,1,maybe"]
    found = message(tmp_path, recipe, [*rows, "a,1,often"])
    assert f"{tmp_path / 'train.csv'}, line 62, column y: " in found
    assert "found 'maybe', and in other rows 'perhaps', 'often'; " in found
    assert 'or classes (which may be "learn"), first or spellings' in found


def test_one_unknown_class(tmp_path: Path) -> None:
    found = message(tmp_path, TABLE, [*ROWS, "a,1,maybe", *ROWS, "a,1,maybe"])
    assert "line 62, column y: expected one of no, yes, found 'maybe'; correct" in found


def test_categories(tmp_path: Path) -> None:
    rows = [*ROWS, "c,1,yes", *ROWS, "d,1,yes", *ROWS, "a,1,maybe", "e,1,yes"]
    found = message(tmp_path, TABLE, rows)
    assert "line 62, column c: expected one of a, b, found 'c', and in other rows 'd', 'e'" in found


@pytest.mark.parametrize(("values", "more"), [(30, "and 19 more"), (2000, "and at least 990 more")])
def test_many(tmp_path: Path, values: int, more: str) -> None:
    found = message(tmp_path, TABLE, [*ROWS, *(f"a,1,class {n}" for n in range(values))])
    assert "found 'class 0', and in other rows 'class 1', 'class 2'," in found
    assert f"'class 10' {more}; " in found


def test_a_row_that_is_bad_in_another_way_ends_the_search(tmp_path: Path) -> None:
    rows = [*ROWS, "a,1,maybe", *ROWS, "a,1,perhaps", *ROWS, "a,1,no,more", "a,1,often"]
    (tmp_path / "train.csv").write_text("\n".join(["c,use,y", *rows, ""]))
    (tmp_path / "more.csv").write_text("c,use,y\na,1,no\n")
    with pytest.raises(UnknownClassError, match="found 'maybe', and in other rows 'perhaps'; "):
        build(TABLE, tmp_path, tmp_path / "out", sizes=SMALL)


def test_labels_of_images(tmp_path: Path) -> None:
    recipe = """
    name = "toy"
    kind = "image"
    target.classes = ["a", "b"]
    splits.train = { images.path = "images", labels.path = "labels" }
    """
    labels = np.array([0, 1] * 50 + [7] + [0] * 50 + [4], np.uint8)
    (tmp_path / "labels").write_bytes(encode_idx(labels))
    (tmp_path / "images").write_bytes(encode_idx(np.zeros((len(labels), 2, 2), np.uint8)))
    for workers in (1, 2):
        with pytest.raises(UnknownClassError, match=r"row 100, .*found '7', and in other rows '4'"):
            build(recipe, tmp_path, tmp_path / "out", sizes=SMALL, workers=workers)
