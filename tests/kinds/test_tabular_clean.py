"""Cells of tables: what is read in a quick way is what the thorough way makes of it."""

from collections.abc import Sequence
from typing import get_args

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from random_columns import ODD

from shardmill.format.layout import DTypeName
from shardmill.kinds.cells import Cells
from shardmill.kinds.row import RowFault
from shardmill.kinds.tabular_clean import CellReader
from shardmill.recipe.tabular_column import Column

NUMBERS = ["3.5", "255", "256", "-1", "32768", "65504", "65505", "65520", "4294967295", "1e308"]
LARGEST = ["3.4028234663852886e38", "3.40282350e38", "-3.5e38", "16777217", "9007199254740993"]
DAYS = [
    "2024-02-29",
    "0001-01-01",
    "0000-12-31",
    "1677-12-31",
    "2262-01-01",
    "9999-12-31",
    "2024-2-9",
    "+024-01-01",
]


def read(
    cells: Sequence[str | None], column: Column, dtype: DTypeName
) -> tuple[list[str], list[RowFault]]:
    reader = CellReader("c", column, dtype)
    values = reader.read(Cells.of(pa.array(["", *cells], pa.string()).slice(1)))
    return [repr(value) for value in values.to_pylist()], reader.faults  # NaN is not equal to NaN


def said(faults: Sequence[RowFault]) -> list[tuple[int, type[Exception], dict[str, str]]]:
    return [(fault.row, fault.error, fault.facts) for fault in faults]


@given(
    st.sampled_from(["int64", "float64", "date"]),
    st.sampled_from(get_args(DTypeName)),
    st.lists(st.sampled_from([*NUMBERS, *LARGEST, *DAYS])) | st.lists(st.sampled_from(ODD)),
)
def test_quick_and_thorough_ways_agree(kind: str, dtype: DTypeName, cells: list[str]) -> None:
    column = Column.model_validate({"dtype": kind, "missing": "keep"})
    values, faults = read(cells, column, dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shardmill.kinds.tabular_clean._all_within", lambda *_: False)
        patch.setattr("shardmill.kinds.read_times._iso_days", lambda _: None)
        expected, due = read(cells, column, dtype)
    assert values == expected
    assert said(faults) == said(due)


@pytest.mark.parametrize("kind", ["int64", "float64", "date", "bool"])
@given(st.lists(st.none() | st.sampled_from(["1", "0", "true", "2024-02-29", *ODD])))
def test_cells_are_read_one_by_one(kind: str, cells: list[str | None]) -> None:
    column = Column.model_validate({"dtype": kind, "missing": "keep"})
    values, faults = read(cells, column, "float32")
    alone = [read([cell], column, "float32") for cell in cells]
    due = {(row, fault.facts["found"]) for row, (_, own) in enumerate(alone) for fault in own}
    assert {(fault.row, fault.facts["found"]) for fault in faults} == due
    bad = {row for row, _ in due}  # whose values mean nothing
    for row, ((value,), _) in enumerate(alone):
        assert row in bad or value == values[row]
