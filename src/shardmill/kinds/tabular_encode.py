"""Turns typed columns into the numbers of `x`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from shardmill.errors import UnknownCategoryError
from shardmill.format.manifest import Statistics
from shardmill.kinds.row import RowFault
from shardmill.kinds.time_zones import local_times
from shardmill.recipe.names import listed
from shardmill.recipe.tabular_column import MISSING, UNKNOWN, Column

_PANDAS_NAMES = {"weekday": "day_of_week", "yearday": "day_of_year"}
_MICROSECONDS = 1e6  # in a second


def column_values(column: Column, cells: pa.ChunkedArray) -> "pd.Series[Any]":
    """Return the values [n] of a cleaned column: texts, or numbers, which are int64 if possible.

    A bool is 0 or 1, a date is a number of days and a timestamp a number of seconds since the start
    of 1970. A missing value is NaN. If parts are taken from timestamps and none may be missing,
    they are microseconds in int64.
    """
    exact = column.dtype == "timestamp" and column.parts and column.missing in ("error", "drop")
    if column.dtype == "timestamp":
        cells = cells.cast(pa.int64())
    elif column.dtype == "date":
        cells = cells.cast(pa.int32()).cast(pa.int64())
    elif column.dtype == "bool":
        cells = cells.cast(pa.uint8()).cast(pa.int64())
    values: pd.Series[Any] = cells.to_pandas()
    if column.dtype in ("str", "int64") or exact:
        return values
    # Whole numbers become floats too, since another chunk may have missing values.
    numbers = values.astype(np.float64)
    return numbers / _MICROSECONDS if column.dtype == "timestamp" else numbers


def feature_names(name: str, column: Column, facts: Statistics) -> tuple[str, ...]:
    """Return the names of the features that are made from a column."""
    if column.parts:
        return tuple(f"{name}.{part}" for part in column.parts)
    if column.encode == "one_hot":
        return tuple(f"{name}={level}" for level in facts.categories or ())
    return (name,)


def encode_values(
    name: str, column: Column, facts: Statistics, values: "pd.Series[Any]"
) -> npt.NDArray[Any]:
    """Return the features [n, features] of values from `column_values`.

    They are int64 if all are whole. Otherwise they are float64, with NaN for a value that is
    missing and kept.

    Raises:
        RowFault: A value is no category, and the recipe has no level for such values.
    """
    if facts.fill is not None and values.hasnans:
        values = values.fillna(facts.fill)
    if column.map is not None:
        return _look_up(values, column.map, missing=np.nan, unseen=np.nan)[:, None]
    if facts.categories is not None:
        indices = category_indices(name, facts.categories, values)
        if column.encode == "one_hot":
            return np.equal(indices[:, None], np.arange(len(facts.categories))).astype(np.int64)
        return indices[:, None]
    if column.parts:
        return _parts(column, values)
    if facts.offset is not None and facts.divisor is not None:
        with np.errstate(over="ignore"):
            values = (values - facts.offset) / facts.divisor
    return _as_column(values)


def _as_column(values: "pd.Series[Any]") -> npt.NDArray[Any]:
    # The dtype is stated, since a column without values has no particular one.
    dtype = np.int64 if values.dtype == np.int64 else np.float64
    return np.asarray(values, dtype)[:, None]


def category_indices(
    name: str, categories: tuple[str, ...], values: "pd.Series[Any]"
) -> npt.NDArray[np.int64]:
    """Return the number [n] of each value among `categories`.

    Raises:
        RowFault: A value is no category, and the recipe has no level for such values.
    """
    # The levels for missing and unknown values come first, and a text that is spelt so means them.
    numbers = {level: number for number, level in reversed(list(enumerate(categories)))}
    special = {"missing": numbers.get(MISSING, -1), "unseen": numbers.get(UNKNOWN, -1)}
    indices = _look_up(values, numbers, **special)
    if len(indices) and indices.min() < 0:
        row = int(np.argmin(indices))
        raise RowFault(
            row,
            name,
            UnknownCategoryError,
            expected=f"one of {listed(categories)}",
            found=repr(values.iloc[row]),
            fix=f'correct the file, or set columns.{name}.unseen = "unknown" in the recipe',
        )
    return indices


def _look_up(
    values: "pd.Series[Any]", numbers: Mapping[str, float], *, missing: float, unseen: float
) -> npt.NDArray[Any]:
    # Each distinct text is looked up once. The code of a missing value is -1, which takes the last
    # number.
    codes, texts = pd.factorize(values)
    known = [numbers.get(text, unseen) for text in texts]
    if not len(codes) or codes.min() < 0:
        known.append(missing)  # NaN would make floats of integers, so it is added only if needed
    return np.array(known)[codes]


def _parts(column: Column, values: "pd.Series[Any]") -> npt.NDArray[np.float64]:
    # A median or mean that was filled in may be a fraction of a day.
    if values.dtype == np.int64:
        units = values.to_numpy()
    elif column.dtype == "date":
        units = np.floor(values.to_numpy(np.float64)) * 86_400 * _MICROSECONDS
    else:
        units = np.round(values.to_numpy(np.float64) * _MICROSECONDS)
    missing = np.isnan(units)
    whole = np.where(missing, 0, units).astype(np.int64)
    times = pd.DatetimeIndex(whole.view("datetime64[us]"))
    if column.timezone is not None:
        times = local_times(times, column.timezone)
    numbers = np.empty((len(values), len(column.parts)))
    for index, part in enumerate(column.parts):
        numbers[:, index] = getattr(times, _PANDAS_NAMES.get(part, part))
    numbers[missing] = np.nan
    return numbers
