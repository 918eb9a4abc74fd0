"""What each kind does to its rows, step by step, and the faults that it names."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cells import Cells, number, string_table
from fit_rows import fit_rows
from hypothesis import given, settings, strategies as st

from shardmill.errors import (
    InputError,
    UnknownCategoryError,
    UnknownClassError,
    ValueFormatError,
)
from shardmill.format.layout import Field
from shardmill.kinds import tabular
from shardmill.kinds.read_targets import class_indices
from shardmill.kinds.row import Fitted, RowFault
from shardmill.recipe.splits import CsvFile, Split
from shardmill.recipe.tabular_column import Column, Missing
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.targets import ColumnTarget, Target

# Class labels


@pytest.mark.parametrize(
    ("labels", "first", "indices"),
    [
        # by name
        (["b", "a", "c"], None, [1, 0, 2]),
        # by number, counted from `first`
        (["1", "0", "2"], 0, [1, 0, 2]),
        (["3", "1", "2"], 1, [2, 0, 1]),
        (["-1", "1", "0"], -1, [0, 2, 1]),
        # whole numbers in other spellings, as pandas or Excel write them
        (["1.0", "01", "+2", "3.", " 003.00 "], 1, [0, 0, 1, 2, 2]),
        (["-1.0", "-0", "+0.0", "-0.0", "-01"], -1, [0, 1, 1, 1, 0]),
        # from integers, as an IDX file has them
        ([2, 0], 0, [2, 0]),
        ([], 0, []),
    ],
)
def test_class_indices(labels: list[str | int], first: int | None, indices: list[int]) -> None:
    target = Target(classes=("a", "b", "c"), first=first)
    column = pa.chunked_array([pa.array(labels, None if labels else pa.string())])
    found, faults = class_indices(column, target, "label")
    assert faults == []
    assert found.type == pa.int64()
    assert found.to_pylist() == indices


@pytest.mark.parametrize(
    ("labels", "first", "row", "expected", "found"),
    [
        (["a", "B", "x"], None, 1, "one of a, b", "'B'"),
        (["a", "ab"], None, 1, "one of a, b", "'ab'"),
        # with numbers, names are no labels; nor are parts of numbers
        (["a"], 0, 0, "one of 0, 1", "'a'"),
        (["1", "2", "0"], 1, 2, "one of 1, 2", "'0'"),
        (["1.5"], 1, 0, "one of 1, 2", "'1.5'"),
        (["1", "2.", "1e0"], 1, 2, "one of 1, 2", "'1e0'"),
        (["+-1"], -1, 0, "one of -1, 0", "'+-1'"),
        (["01"], None, 0, "one of a, b", "'01'"),
        (["a", None], None, 1, "one of a, b", "''"),
    ],
)
def test_label_outside_the_classes(
    labels: list[str | None], first: int | None, row: int, expected: str, found: str
) -> None:
    target = Target(classes=("a", "b"), first=first)
    column = pa.chunked_array([pa.array(labels, pa.string())])
    fault = class_indices(column, target, "label")[1][0]
    assert (fault.row, fault.column) == (row, "label")
    error = fault.at("train.csv:7")
    assert isinstance(error, UnknownClassError)
    assert str(error) == (
        f"train.csv:7, column label: expected {expected}, found {found}; "
        'correct the file, or classes (which may be "learn"), first or spellings of the target in '
        "the recipe"
    )


def test_fault_without_a_column() -> None:
    fault = RowFault(3, "", ValueFormatError, expected="e", found="f", fix="g")
    assert str(fault.at("here")) == "here: expected e, found f; g"


# Tabular


def table_recipe(columns: dict[str, Column], target: ColumnTarget | None = None) -> TabularRecipe:
    splits = {"train": Split(csv=CsvFile(path="train.csv"))}
    return TabularRecipe(name="t", kind="tabular", columns=columns, target=target, splits=splits)


def fit_tables(recipe: TabularRecipe, *tables: pa.Table) -> Fitted:
    return fit_rows(recipe, tables)


def through_tabular(column: Column, cells: Cells) -> tuple[Any, list[float]]:
    """Return the statistics of a single column, and the column encoded."""
    recipe = table_recipe({"c": column})
    table = tabular.clean(recipe, string_table(c=cells), labelled=False).table
    fitted = fit_tables(recipe, table.slice(0, 1), table.slice(1))
    x = tabular.encode_prepared(recipe, fitted, table)["x"]
    assert x.dtype == np.float32
    assert x.shape == (len(cells), 1)
    return fitted.statistics["c"], x[:, 0].tolist()


STRINGS = {"p": 5, "q": 7, "r": 1}


@pytest.mark.parametrize(
    ("column", "cells", "fill", "x"),
    [
        # median of an odd and an even number of values
        (number("median"), ["1", None, "9", "2"], 2.0, [1, 2, 9, 2]),
        (number("median"), ["1", None, "2", None], 1.5, [1, 1.5, 2, 1.5]),
        (number("mean"), ["1", None, "9", "2"], 4.0, [1, 4, 9, 2]),
        # an integer column may still be filled with a fraction
        (Column(dtype="int64", missing="mean"), ["1", "2", None], 1.5, [1, 2, 1.5]),
        # mode: the most frequent, the smallest of several
        (number("mode"), ["9", "2", "9", None], 9.0, [9, 2, 9, 9]),
        (number("mode"), ["9", "2", None], 2.0, [9, 2, 2]),
        # the mode of strings is a string, its number comes from the map; smallest by text
        (
            Column(dtype="str", map=STRINGS, missing="mode"),
            ["r", "q", None, "q"],
            "q",
            [1, 7, 7, 7],
        ),
        (Column(dtype="str", map=STRINGS, missing="mode"), ["r", "q", None], "q", [1, 7, 7]),
        # nothing is filled in
        (number("keep"), ["1", None, "2"], None, [1, math.nan, 2]),
        (Column(dtype="str", map=STRINGS, missing="keep"), [None, "p"], None, [math.nan, 5]),
        (number("keep"), [None, None], None, [math.nan, math.nan]),
        (number(), ["1", " 2.5 ", "-3e2"], None, [1, 2.5, -300]),
        (Column(dtype="int64"), ["1", "-2"], None, [1, -2]),
        (Column(dtype="str", map=STRINGS), ["p", "r"], None, [5, 1]),
    ],
)
def test_missing_cells(column: Column, cells: Cells, fill: object, x: list[float]) -> None:
    statistics, found = through_tabular(column, cells)
    np.testing.assert_array_equal(found, np.array(x, np.float32))
    assert statistics.fill == fill
    assert statistics.missing == cells.count(None)


numbers = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=20), st.integers(0, 5))
def test_statistics_are_numpys_of_the_stored_values(values: list[float], missing: int) -> None:
    cells = [*(repr(value) for value in values), *[None] * missing]
    kept, _ = through_tabular(number("keep"), cells)
    filled, _ = through_tabular(number("mean"), cells)
    mean = float(np.mean(values))
    assert filled.fill == pytest.approx(mean, abs=1e-6)
    for statistics, stored in ((kept, values), (filled, [*values, *[mean] * missing])):
        assert statistics.mean == pytest.approx(np.mean(stored), abs=1e-6)
        assert statistics.std == pytest.approx(np.std(stored), rel=1e-6, abs=1e-6)
        assert statistics.missing == missing


def test_statistics_of_nothing() -> None:
    statistics, _ = through_tabular(number("keep"), [None])
    assert (statistics.mean, statistics.std, statistics.missing) == (None, None, 1)


def test_rows_that_are_dropped() -> None:
    recipe = table_recipe(
        {"a": number("drop"), "y": Column(dtype="str"), "b": number("drop"), "c": number("keep")},
        ColumnTarget(column="y", classes=("no", "yes")),
    )
    raw = string_table(
        a=["0", None, "2", None, "4"],
        b=["5", "6", None, None, "9"],
        c=["0", "1", "2", "3", None],
        y=["yes", "no", "no", "no", "no"],
    )
    cleaned = tabular.clean(recipe, raw, labelled=True)
    # a row that lacks several counts once, by the first feature
    assert cleaned.dropped == {1: "a is missing", 2: "b is missing", 3: "a is missing"}
    assert cleaned.table.to_pydict() == {"a": [0, 4], "b": [5, 9], "c": [0, None], "y": [1, 0]}


def test_columns_that_are_dropped_are_never_looked_at() -> None:
    columns = {"a": number(), "d": Column(dtype="int64", drop=True)}
    for raw in (string_table(d=["x", None], a=["1", "2"]), string_table(a=["1", "2"])):
        cleaned = tabular.clean(table_recipe(columns), raw, labelled=False)
        assert cleaned.table.to_pydict() == {"a": [1.0, 2.0]}
        assert cleaned.dropped == {}


def test_types_of_cleaned_columns() -> None:
    columns = {
        "f": number("keep"),
        "i": Column(dtype="int64", missing="keep"),
        "s": Column(dtype="str", map=STRINGS, missing="keep"),
        "y": Column(dtype="int64"),
    }
    recipe = table_recipe(columns, ColumnTarget(column="y", classes=("no", "yes"), first=0))
    raw = string_table(y=["1", "0"], s=["p", None], i=["3", None], f=["4", None])
    table = tabular.clean(recipe, raw, labelled=True).table
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == {
        "f": pa.float64(),
        "i": pa.int64(),
        "s": pa.string(),
        "y": pa.int64(),
    }
    unlabelled = tabular.clean(recipe, raw.drop_columns("y"), labelled=False).table
    assert unlabelled.equals(table.drop_columns("y"))


def test_features_keep_the_order_of_the_recipe() -> None:
    recipe = table_recipe({"b": number(), "a": number(), "c": number()})
    table = tabular.clean(recipe, string_table(c=["3"], a=["1"], b=["2"]), labelled=False).table
    fitted = fit_tables(recipe, table)
    assert fitted.features == ("b", "a", "c")
    assert fitted.inputs == (Field.input("float32", (3,)),)
    assert tabular.encode_prepared(recipe, fitted, table)["x"].tolist() == [[2, 1, 3]]


def test_fill_comes_from_the_train_split_alone() -> None:
    recipe = table_recipe({"c": number("mean")})
    train, test = (
        tabular.clean(recipe, string_table(c=cells), labelled=False).table
        for cells in (["1", "3"], ["100", None])
    )
    fitted = fit_tables(recipe, train)
    assert tabular.encode_prepared(recipe, fitted, test)["x"].tolist() == [[100], [2]]


@pytest.mark.parametrize(
    ("column", "cells", "row", "error", "expected", "found"),
    [
        # a missing cell where none may be
        (number(), ["1", None], 1, ValueFormatError, "a value of float64", "an empty cell"),
        (Column(dtype="str", map=STRINGS), [None], 0, ValueFormatError, "a value of str", "empty"),
        # not a number of this dtype
        (number(), ["1", "2", "x"], 2, ValueFormatError, "a finite float64", "'x'"),
        (Column(dtype="int64"), ["1", "2.5"], 1, ValueFormatError, "a finite int64", "'2.5'"),
        (Column(dtype="int64"), [str(2**63)], 0, ValueFormatError, "a finite int64", str(2**63)),
        # a number, but not a finite one
        (number(), ["1", "nan"], 1, ValueFormatError, "a finite float64", "'nan'"),
        (number(), ["-inf"], 0, ValueFormatError, "a finite float64", "'-inf'"),
        (number("keep"), [None, "1e999"], 1, ValueFormatError, "a finite float64", "'1e999'"),
        # outside the map; case counts, and white space inside
        (Column(dtype="str", map=STRINGS), ["p", "P"], 1, UnknownCategoryError, "p, q, r", "'P'"),
        (
            Column(dtype="str", map=STRINGS, missing="keep"),
            [None, " p p"],
            1,
            UnknownCategoryError,
            "one of p, q, r",
            "' p p'",
        ),
    ],
)
def test_faults_carry_row_and_column(
    column: Column, cells: Cells, row: int, error: type[InputError], expected: str, found: str
) -> None:
    recipe = table_recipe({"ok": number(), "c": column})
    raw = string_table(ok=["0"] * len(cells), c=cells)
    cleaned = tabular.clean(recipe, raw, labelled=False)
    assert len(cleaned.table) == len(cells) - 1
    (fault,) = cleaned.faults
    assert (fault.row, fault.column) == (row, "c")
    with pytest.raises(
        error, match=f"train.csv:9, column c: expected .*{expected}, found .*{found}"
    ):
        raise fault.at("train.csv:9")


@pytest.mark.parametrize("missing", ["median", "mean", "mode"])
def test_nothing_to_impute_from(missing: Missing) -> None:
    with pytest.raises(RowFault) as caught:
        through_tabular(number(missing), [None, None])
    assert caught.value.column == "c"
    with pytest.raises(ValueFormatError, match="at least one value to impute from, found none"):
        raise caught.value.at("train")
