"""Rows of a program build what files of the same rows do, and what `Preprocessor` makes of them."""

import tempfile
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, reject, settings, strategies as st
from random_columns import RandomColumn, cells_for, columns

import shardmill
from shardmill import Preprocessor
from shardmill.errors import InputError, RecipeError

_EXTREMES = [2**53 + 1, -(2**63), 2**63 - 1]
_NUMBERS = st.one_of(
    st.integers(-3, 20),
    st.sampled_from([*_EXTREMES, 1609459200, 20240229, 44196]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([7.0, 1.0, -1.0, 0.0, 0.25, 2.5, 1e16]),
)
_MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1))
_MIDNIGHTS = st.dates(date(1990, 1, 1), date(2030, 1, 1)).map(
    lambda d: datetime(*d.timetuple()[:3])
)
_ZONED = _MOMENTS.map(lambda t: t.replace(tzinfo=timezone(timedelta(hours=2))))
_DECIMALS = st.sampled_from(["7", "7.0", "0.25", "1E+3", "-1", "NaN"]).map(Decimal)
_DAYS = st.dates(date(1990, 1, 1), date(2030, 1, 1))
_MISSING = st.sampled_from([None, pd.NA, pd.NaT, float("nan")])
_DTYPES = [
    "object",
    "category",
    "Int64",
    "float32",
    "float64",
    "int64",
    "string",
    "boolean",
    "bool",
]
_DTYPES += ["datetime64[ns]", "datetime64[s]", "datetime64[us, Europe/Berlin]", "uint64", "Float64"]
# Taken whole, such a frame and `Preprocessor` of the same frame make the same of each row.
Taken = dict[int, list[float]]


def series_of(data: st.DataObject, column: RandomColumn) -> Any:
    """Draw values of one kind or of several, in a dtype that pandas can hold them in."""
    kinds: list[st.SearchStrategy[Any]] = [
        _NUMBERS,
        st.integers(-3, 20),
        st.booleans(),
        cells_for(column),
        _MOMENTS,
        _ZONED,
    ]
    kinds += [_MIDNIGHTS, _DECIMALS, _DAYS, st.one_of(cells_for(column), _NUMBERS, _DAYS)]
    # Only what is learnt says how such values are spelled, and then a build of a split cannot know.
    is_spelled = column.keys.get("categories") == "learn" and column.good[0] in ("True", "1.0")
    kinds = [cells_for(column)] if is_spelled else kinds
    some = data.draw(st.sampled_from(kinds))
    some = st.one_of(some, _MISSING) if data.draw(st.booleans()) else some
    values = data.draw(st.lists(some, min_size=1, max_size=6))
    found: Any = pd.Series(values, dtype=data.draw(st.sampled_from(["object", None])))
    dtype = data.draw(st.sampled_from([None, *([] if is_spelled else _DTYPES)]))
    try:
        return found if dtype is None else found.astype(dtype)
    except (NotImplementedError, OverflowError, TypeError, ValueError):
        return found


def features(x: Any) -> Taken:
    parts = list(x.values()) if isinstance(x, dict) else [x]
    rows = np.concatenate([part.double().numpy() for part in parts], axis=1).tolist()
    return {int(row[0]): row[1:] for row in rows}


def given_alone(prepare: Preprocessor, rows: Any, count: int) -> tuple[Taken, bool]:
    """Return what `Preprocessor` makes of rows one by one, and whether it is given strange ones."""
    found: Taken = {}
    strange = False
    for row in range(count):
        one = rows[row : row + 1] if not isinstance(rows, pa.Table) else rows.slice(row, 1)
        try:
            found |= features(prepare(one))
        except shardmill.GivenRowError:
            strange = True
        except InputError:
            pass
    return found, strange


def recipe_of(column: RandomColumn) -> str:
    group = "" if column.group is None else f', dtype = "{column.group}"'
    groups = f'[groups]\nn = ["n"]\nc = {{ columns = ["c"]{group} }}' if group else ""
    return f"""
name = "t"
kind = "tabular"
rows = {{ missing = ["?"], on_bad_row = "quarantine", max_bad_rows = 1 }}
[columns]
n = {{ dtype = "int64" }}
c = {column.toml()}
{groups}
"""


@pytest.mark.filterwarnings("ignore:t. .* (left out|not in the categories):UserWarning")
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), columns, st.sampled_from(["frame", "table", "dicts"]))
def test_builds_take_what_preprocessors_take(
    data: st.DataObject, column: RandomColumn, form: str
) -> None:
    series = series_of(data, column)
    rows: Any = pd.DataFrame({"n": range(len(series)), "c": series})
    try:
        rows = pa.Table.from_pandas(rows) if form == "table" else rows
    except (pa.ArrowException, OverflowError, TypeError):
        reject()
    rows = rows.to_dict("records") if form == "dicts" else rows
    train = [{"n": n, "c": cell} for n, cell in enumerate(column.good)]
    with tempfile.TemporaryDirectory() as name:
        recipe = Path(name) / "t.toml"
        recipe.write_text(recipe_of(column), encoding="utf-8")
        try:
            prepare = Preprocessor.load(shardmill.build(train, recipe=recipe, out=name))
        except RecipeError:
            reject()
        alone, strange = given_alone(prepare, rows, len(series))
        try:
            built = shardmill.build({"train": train, "test": rows}, recipe=recipe, out=name)
        except InputError:
            # No row is left, or a value is strange or cannot be encoded: none is set aside then.
            assert len(alone) < len(series)
            return
        found = features(shardmill.open(built, split="test")[:])
        assert repr(found) == repr(alone)
        assert not strange
