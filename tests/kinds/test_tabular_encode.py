"""Features of cleaned cells, held against a definition cell by cell."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fit_rows import fit_rows
from hypothesis import given, strategies as st
from one_column import one_column

from shardmill.errors import UnknownCategoryError
from shardmill.format.manifest import Statistics
from shardmill.kinds import tabular
from shardmill.kinds.row import RowFault
from shardmill.kinds.tabular_encode import encode_cells
from shardmill.recipe.tabular_column import MISSING, UNKNOWN, Column

TEXTS = ["a", "b", "", "é", UNKNOWN, MISSING, "other"]


def encoded(
    column: Column, facts: Statistics, cells: Sequence[Any], cut: int, kind: pa.DataType
) -> Any:
    some = [pa.array(cells[:cut], kind), pa.array(cells[cut:], kind)]
    return encode_cells("c", column, facts, pa.chunked_array(some)).T


def number_of(text: str | None, levels: tuple[str, ...], fill: str | None) -> int | None:
    """Return the number of a category; None if it has none."""
    if text is None and fill is None:
        return levels.index(MISSING) if MISSING in levels else None
    text = fill if text is None else text
    if text in levels:
        return levels.index(text)
    return levels.index(UNKNOWN) if UNKNOWN in levels else None


@given(
    st.lists(st.none() | st.sampled_from(TEXTS)),
    st.integers(0, 5),
    st.sampled_from([(), (UNKNOWN,), (UNKNOWN, MISSING), (MISSING,)]),
    st.sampled_from([None, "b", "other"]),
)
def test_categories(
    cells: list[str | None], cut: int, reserved: tuple[str, ...], fill: str | None
) -> None:
    levels = (*reserved, "b", "a", "é")
    column, facts = (
        Column(dtype="str", categories="learn"),
        Statistics(fill=fill, categories=levels),
    )
    numbers = [number_of(cell, levels, fill) for cell in cells]
    if None in numbers:
        with pytest.raises(RowFault) as caught:
            encoded(column, facts, cells, cut, pa.string())
        assert (caught.value.row, caught.value.error) == (numbers.index(None), UnknownCategoryError)
        return
    assert encoded(column, facts, cells, cut, pa.string()).tolist() == [[n] for n in numbers]
    wide = encoded(column.model_copy(update={"encode": "one_hot"}), facts, cells, cut, pa.string())
    assert wide.tolist() == [[int(n == level) for level in range(len(levels))] for n in numbers]


@given(
    st.lists(st.none() | st.sampled_from(["x", "y", "z"])),
    st.integers(0, 5),
    st.sampled_from([None, "x", "z"]),
)
def test_maps(cells: list[str | None], cut: int, fill: str | None) -> None:
    column = Column(dtype="str", map={"x": 2**53 + 1, "y": -1})
    found = encoded(column, Statistics(fill=fill), cells, cut, pa.string())
    filled = [fill if cell is None else cell for cell in cells]
    known = [None if text is None else (column.map or {}).get(text) for text in filled]
    if None in known:
        floats = [math.nan if n is None else float(n) for n in known]
        np.testing.assert_array_equal(found[:, 0], floats)
    else:
        assert found[:, 0].tolist() == known  # whole numbers stay exact


@given(
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)),
    st.integers(0, 5),
    st.none() | st.floats(-10, 10),
    st.none() | st.tuples(st.floats(-10, 10), st.floats(0.5, 10)),
)
def test_floats(
    cells: list[float | None], cut: int, fill: float | None, scale: tuple[float, float] | None
) -> None:
    offset, divisor = scale or (None, None)
    facts = Statistics(fill=fill, offset=offset, divisor=divisor)
    found = encoded(Column(dtype="float64"), facts, cells, cut, pa.float64())
    there = [math.nan if cell is None and fill is None else cell for cell in cells]
    numbers = [fill if cell is None else cell for cell in there]
    if offset is not None and divisor is not None:
        numbers = [None if n is None else (n - offset) / divisor for n in numbers]
    np.testing.assert_array_equal(found[:, 0], np.array(numbers, np.float64))


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)), st.integers(0, 5))
def test_integers_stay_exact_beside_a_whole_number_that_is_filled_in(
    cells: list[int | None], cut: int
) -> None:
    column = Column(dtype="int64", missing="mode")
    found = encoded(column, Statistics(fill=2**60 + 1), cells, cut, pa.int64())
    assert found[:, 0].tolist() == [2**60 + 1 if cell is None else cell for cell in cells]
    kept = encoded(Column(dtype="int64", missing="keep"), Statistics(), cells, cut, pa.int64())
    floats = [math.nan if cell is None else float(cell) for cell in cells]
    np.testing.assert_array_equal(kept[:, 0].astype(np.float64), np.array(floats))


@pytest.mark.parametrize(
    ("dtype", "kind", "cells", "numbers"),
    [
        ("bool", pa.bool_(), [True, None, False], [1, 7, 0]),
        ("date", pa.date32(), [1, None, -3], [1, 7, -3]),
        ("timestamp", pa.timestamp("us"), [1_500_000, None, -1], [1.5, 7, -1e-6]),
    ],
)
def test_other_cells_are_numbers(
    dtype: str, kind: pa.DataType, cells: list[Any], numbers: list[float]
) -> None:
    column = Column.model_validate({"dtype": dtype})
    assert encoded(column, Statistics(fill=7.0), cells, 1, kind)[:, 0].tolist() == numbers


def test_no_number_depends_on_the_other_rows() -> None:
    # Rounded to float64 first, this number is half-way between two of float32.
    number = 2**62 + 2**38 + 1
    recipe = one_column('dtype = "int64", missing = "keep"')
    alone, beside = (pa.table({"c": pa.array(c, pa.int64())}) for c in ([number], [number, None]))
    fitted = fit_rows(recipe, [beside])
    found = [tabular.encode_prepared(recipe, fitted, rows)["x"][0, 0] for rows in (alone, beside)]
    assert found[0] == found[1]
