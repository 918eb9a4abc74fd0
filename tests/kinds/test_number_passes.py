"""Passes over the rows find what counts of all values say, to the last bit."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fit_rows import TablesAtHand, fit_rows
from hypothesis import given, settings, strategies as st
from one_column import one_column

from shardmill.format.manifest import Statistics
from shardmill.kinds import find_medians, tabular, tabular_fit, value_counts
from shardmill.kinds.number_passes import keys_of, number_of
from shardmill.kinds.row import RowFault
from shardmill.kinds.tabular_fit import fit_columns
from shardmill.kinds.value_counts import merge_summaries, summarise

finite = st.floats(-1e300, 1e300) | st.sampled_from([0.0, -0.0, 5e-324, 0.1, 0.2, 0.1 + 0.2])
whole = st.integers(-(2**62), 2**62) | st.integers(-3, 3)
borders = st.lists(st.integers(0, 30), max_size=4)


@contextmanager
def limits(few_values: int, few_numbers: int = 2**22, held: int = 0) -> Iterator[None]:
    """Let numbers be counted, or held in memory, only if they are few; search in small steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_counts, "_FEW_VALUES", few_values)
        patch.setattr(find_medians, "_FEW_NUMBERS", few_numbers)
        patch.setattr(tabular_fit, "_HELD_NUMBERS", held)
        yield


def fitted(column: str, cells: Sequence[Any], cuts: Sequence[int] = ()) -> dict[str, Statistics]:
    recipe = one_column(column)
    texts = [None if cell is None else str(cell) for cell in cells]
    rows = tabular.clean(recipe, pa.table({"c": pa.array(texts, pa.string())}), labelled=False)
    assert rows.faults == ()
    tables = [
        rows.table.take(pa.array(some, pa.int64())) for some in cut(range(len(rows.table)), cuts)
    ]
    return dict(fit_rows(recipe, tables).statistics)


def learnt(missing: str, numbers: Sequence[float], cuts: Sequence[int]) -> Statistics:
    """Return what is learnt of numbers that a float of 32 bits might not hold."""
    columns = dict(one_column(f'dtype = "float64", missing = "{missing}"').columns)
    tables = [pa.table({"c": pa.array(some, pa.float64())}) for some in cut(numbers, cuts)]
    summary = merge_summaries(columns, (summarise(columns, table) for table in tables))
    return fit_columns(columns, summary, TablesAtHand(tables))["c"]


def cut(rows: Sequence[Any], cuts: Sequence[int]) -> list[Sequence[Any]]:
    ends = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    return [rows[start:stop] for start, stop in pairwise(ends)]


@pytest.mark.parametrize("dtype", ["float64", "int64"])
@pytest.mark.parametrize("missing", ["keep", "median", "mean", "constant"])
@pytest.mark.parametrize("scale", ["none", "standardise", "min_max"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_passes_find_what_counts_say(dtype: str, missing: str, scale: str, data: Any) -> None:
    values = st.floats(-1e18, 1e18) | finite.filter(lambda x: abs(x) < 1e18)
    numbers = st.lists(
        (values if dtype == "float64" else whole) | st.none(), min_size=1, max_size=30
    )
    cells = data.draw(numbers.filter(lambda cells: any(cell is not None for cell in cells)))
    fill = ", fill = 3" if missing == "constant" else ""
    column = f'dtype = "{dtype}", missing = "{missing}", scale = "{scale}"{fill}'
    expected = fitted(column, cells)
    with limits(0, data.draw(st.sampled_from([1, 2**22])), data.draw(st.sampled_from([0, 30]))):
        assert fitted(column, cells, data.draw(borders)) == expected


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=40),
    borders,
    st.sampled_from(["counted", "held", "in passes"]),
)
def test_statistics_are_those_of_numpy_and_fsum(
    numbers: list[float], cuts: list[int], how: str
) -> None:
    with limits(2**12 if how == "counted" else 0, 1, held=40 if how == "held" else 0):
        median, mean = (learnt(missing, numbers, cuts) for missing in ("median", "mean"))
    values = np.array(numbers) + 0.0
    assert median.fill == np.median(values)
    if values.min() == values.max():
        assert (mean.mean, mean.std) == (values[0], 0.0)
        return
    expected = math.fsum(values) / len(values)
    assert mean.fill == mean.mean == expected
    differences = values - expected
    squared = math.fsum(differences * differences)
    assert mean.std == math.sqrt(squared / len(values))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.datetimes().map(lambda time: time.isoformat()) | st.none(), min_size=1, max_size=20
    ),
    borders,
    st.sampled_from(["keep", "median", "mean", "drop"]),
)
def test_parts_of_times(cells: list[str | None], cuts: list[int], missing: str) -> None:
    if all(cell is None for cell in cells):
        return
    column = f'dtype = "timestamp", missing = "{missing}", parts = ["year", "hour"]'
    expected = fitted(column, cells)
    for held in (0, 20):
        with limits(0, 1, held):
            assert fitted(column, cells, cuts) == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(finite, min_size=1, max_size=20) | st.lists(whole, min_size=1, max_size=20))
def test_keys_are_in_the_order_of_their_numbers(numbers: list[float] | list[int]) -> None:
    values = np.sort(np.array(numbers) + (0.0 if isinstance(numbers[0], float) else 0))
    keys = keys_of(values)
    assert (np.diff(keys.astype(object)) >= 0).all()
    assert [number_of(int(key), values.dtype) for key in keys] == values.tolist()


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ('dtype = "str", categories = "learn"', "categories"),
        ('dtype = "int64", missing = "mode"', "its most frequent value"),
    ],
)
def test_too_many_values_to_count(monkeypatch: pytest.MonkeyPatch, column: str, what: str) -> None:
    monkeypatch.setattr(value_counts, "MOST_VALUES", 3)
    assert fitted(column, [1, 2, 3, 1, 2], [2]) != {}
    with pytest.raises(RowFault) as caught:
        fitted(column, [1, 2, 3, 4], [2])
    assert caught.value.column == "c"
    assert f"distinct values for {what}" in caught.value.facts["expected"]
