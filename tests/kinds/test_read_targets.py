"""Targets of rows: one class, several classes at once, or a number."""

import numpy as np
import pyarrow as pa
import pytest

from shardmill.format.layout import Field
from shardmill.kinds.read_image_targets import read_image_labels
from shardmill.kinds.read_targets import (
    class_indices,
    flag_columns,
    read_number_labels,
    separated_classes,
    target_field,
    target_values,
)
from shardmill.kinds.row import RowFault, reason_of
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.targets import CellTarget, ColumnTarget, ImageTarget, Target

TAGS = CellTarget(classes=("a", "b", "c d"), separator=";", spellings={"b": ("B",)})


def reasons(faults: list[RowFault]) -> list[tuple[int, str]]:
    return [(fault.row, reason_of(fault)) for fault in faults]


@pytest.mark.parametrize(
    ("target", "field"),
    [
        (Target(), Field.target("number", "float32")),
        (Target(classes=("a", "b")), Field.target("class", "int64")),
        (TAGS, Field.target("classes", "uint8", (3,))),
        (ColumnTarget(columns=("a", "b")), Field.target("classes", "uint8", (2,))),
        (ImageTarget(), Field.target("number", "float32")),
        (
            ImageTarget(classes=("a", "b"), encoding="one_hot"),
            Field.target("class", "int64"),
        ),
        (
            ImageTarget(classes=("a", "b"), encoding="multi_hot"),
            Field.target("classes", "uint8", (2,)),
        ),
    ],
)
def test_fields(target: Target, field: Field) -> None:
    assert target_field(target) == field


def test_one_class_that_is_no_number_does_not_stand_for_other_texts() -> None:
    column = pa.array(["01", "x", "y", "", "2.0"])
    indices, faults = class_indices(column, Target(classes=("1", "2", "x")), "k", numbers=True)
    assert [fault.row for fault in faults] == [2, 3]
    assert np.asarray(indices)[[0, 1, 4]].tolist() == [0, 2, 1]


def test_classes_with_a_separator() -> None:
    cells = ["a", " b ;a", "", None, "c d;;B;", "b;x;y", ";", "c  d"]
    lists, faults = separated_classes(pa.array(cells), TAGS, "tags")
    field = target_field(TAGS)
    values = target_values(pa.chunked_array([lists, lists[2:4]]), field)
    assert values.dtype == np.uint8
    assert values[[0, 1, 2, 3, 4, 6, 8, 9]].tolist() == [
        *([1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0]),
        *([0, 0, 0], [0, 0, 0]),
    ]
    expected = "tags: expected one of a, b, c d, B, found"
    assert reasons(faults) == [
        *((5, f"{expected} 'x'"), (5, f"{expected} 'y'")),
        (7, f"{expected} 'c  d'"),
    ]


def test_classes_that_are_counted_may_be_separated_too() -> None:
    target = CellTarget(classes=("a", "b"), first=1, separator=" ")
    lists, faults = separated_classes(pa.array(["1 2", "02", "3"]), target, "tags")
    assert lists.to_pylist()[:2] == [[1, 1], [0, 1]]
    assert [fault.row for fault in faults] == [2]


def test_a_column_for_each_class() -> None:
    columns = [pa.array(["1", "no", " TRUE", "0"]), pa.array(["f", "2", "0", ""])]
    lists, faults = flag_columns(columns, ("rude", "sad"))
    assert lists.to_pylist()[::2] == [[1, 0], [1, 0]]
    known = "true, yes, y, t, 1, false, no, n, f, 0"
    assert reasons(faults) == [
        (1, f"sad: expected one of {known}, found '2'"),
        (3, f"sad: expected one of {known}, found ''"),
    ]


def test_numbers() -> None:
    cells = pa.array(["1.5", " -2 ", "", "1e39", "1,5", "nan"])
    form = NumberFormat.of(None, "", default=".", prefix=None, suffix=None)
    numbers, faults = read_number_labels(cells, "stars", form)
    assert np.asarray(numbers)[:2].tolist() == [1.5, -2.0]
    assert reasons(faults) == [
        (2, "stars: expected a finite number, found an empty cell"),
        (3, "stars: expected a finite number, found '1e39'"),
        (4, "stars: expected a finite number, found '1,5'"),
        (5, "stars: expected a finite number, found 'nan'"),
    ]
    assert faults[2].facts["fix"] == "correct the file, or set csv.decimal in the recipe"


def lists(*rows: list[float]) -> pa.ChunkedArray:
    flat = pa.array([value for row in rows for value in row])
    return pa.chunked_array([pa.FixedSizeListArray.from_arrays(flat, len(rows[0]))])


def test_labels_of_images_with_a_column_for_each_class() -> None:
    one = ImageTarget(classes=("a", "b", "c"), encoding="one_hot")
    rows = lists([0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0.5], [0, 0, 1])
    indices, faults = read_image_labels(rows, one)
    assert np.asarray(indices)[[0, 4]].tolist() == [1, 2]
    expected = "label: expected 1 for one class, and 0 for all others, found"
    assert reasons(faults) == [
        (1, f"{expected} 1.0, 1.0, 0.0"),
        (2, f"{expected} 0.0, 0.0, 0.0"),
        (3, f"{expected} 0.0, 0.0, 0.5"),
    ]
    several = ImageTarget(classes=("a", "b", "c"), encoding="multi_hot")
    flags, faults = read_image_labels(rows, several)
    assert [flags.to_pylist()[row] for row in (1, 2)] == [[1, 1, 0], [0, 0, 0]]
    assert reasons(faults) == [
        (3, "label: expected 0 or 1 for each class, found 0.0, 0.0, 0.5"),
    ]


def test_labels_of_images_that_are_numbers() -> None:
    labels = pa.chunked_array([pa.array([0.25, np.inf, 3.0])])
    numbers, faults = read_image_labels(labels, ImageTarget())
    assert np.asarray(numbers)[[0, 2]].tolist() == [0.25, 3.0]
    assert reasons(faults) == [(1, "label: expected a finite number, found inf")]
