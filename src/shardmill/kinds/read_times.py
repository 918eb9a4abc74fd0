"""Reads the dates and timestamps of a column, in whatever form the recipe says."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import arrow_array
from shardmill.kinds.time_formats import cut_fractions, leap_seconds
from shardmill.kinds.time_units import read_epochs
from shardmill.kinds.time_zones import instants_of
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.time_format import directives

_ISO_FORMATS = {"date": "%Y-%m-%d", "timestamp": "ISO8601"}
_EXAMPLES = {"date": "2020-12-31", "timestamp": "2020-12-31T23:59:00"}
_NUMBERS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}
_OFFSET = r"(?:[Zz]|[T ]\d.*[+-]\d\d:?(?:\d\d)?)$"
_DAY = 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)
# What Python can hold.
_FIRST, _LAST = ((t - datetime(1970, 1, 1)) // _MICROSECOND for t in (datetime.min, datetime.max))
# The days since 1970 of the years that nanoseconds can count.
_NEAR = tuple((day - date(1970, 1, 1)).days for day in (date(1678, 1, 1), date(2261, 12, 31)))


@dataclass(slots=True)
class Times:
    """Times that were read, in UTC.

    Attributes:
        values: The microseconds [n] since 1970. Those of cells that are null or that cannot be read
            have no meaning.
        known: Which cells [n] could be read.
        unread: What was expected of the cells that could not be read, and their positions.
    """

    values: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]
    unread: dict[str, list[int]] = field(default_factory=dict)

    def refuse(self, marked: npt.NDArray[np.bool_], expected: str) -> None:
        """Note the cells that are marked [n] as not read."""
        rows = np.flatnonzero(marked & self.known)
        if len(rows):
            self.unread.setdefault(expected, []).extend(rows.tolist())
            self.known &= ~marked

    def array(self, dtype: str) -> pa.Array:
        """Return the times [n] as dates or timestamps, null where they are not known."""
        values = np.where(self.known, self.values, 0)
        valid = arrow_array(self.known)
        if dtype == "date":
            days = arrow_array((values // _DAY).astype(np.int32))
            return pc.if_else(valid, days, pa.scalar(None, pa.int32())).cast(pa.date32())
        micros = pc.if_else(valid, arrow_array(values), pa.scalar(None, pa.int64()))
        return micros.cast(pa.timestamp("us"))


def read_times(texts: pa.Array, column: Column, numbers: NumberFormat) -> Times:
    """Return the times of texts [n], which may be null.

    A time without an offset is in the zone of the column, or else in UTC. A date is the day of its
    time.

    Args:
        texts: The times as texts [n], without white space around them, or as dates or timestamps.
            Fractions of a microsecond are cut off.
        column: The column that they stand in.
        numbers: How numbers are written, for times that are numbers.
    """
    expected = _expected(column)
    if not pa.types.is_string(texts.type):
        found, zoned = _from_typed(texts)
    elif column.unit is None:
        found, zoned = _from_texts(texts, column)
    else:
        found = read_epochs(texts, column.unit, numbers)
        zoned = np.full(len(texts), column.unit != "excel")
    valid = np.asarray(texts.is_valid())
    times = Times(np.asarray(found.fill_null(0)), valid.copy())
    times.refuse(np.asarray(found.is_null()), expected)
    # The local times of an instant may be a day before or after it.
    room = 0 if column.timezone is None else _DAY
    outside = (times.values < _FIRST + room) | (times.values > _LAST - room)
    times.refuse(outside, f"{expected}, of the years 1 to 9999")
    if column.timezone is not None:
        _localise(times, ~zoned, column.timezone)
    return times


def _expected(column: Column) -> str:
    if column.unit == "excel":
        return f"a {column.dtype} as a number of days that Excel counts"
    if column.unit is not None:
        return f"a {column.dtype} as a number of {_NUMBERS[column.unit]} since 1970"
    if column.format is not None:
        return f"a {column.dtype} written as {column.format}"
    return f"a {column.dtype}, as {_EXAMPLES[column.dtype]}"


def _from_texts(texts: pa.Array, column: Column) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Return the microseconds since 1970 [n], null if unread, and which times state an offset."""
    days = _iso_days(texts) if column.dtype == "date" and column.format is None else None
    if days is not None:
        return days.cast(pa.timestamp("us")).cast(pa.int64()), np.zeros(0, np.bool_)
    written = column.format or _ISO_FORMATS[column.dtype]
    cut = cut_fractions(texts, column.format)
    times = pd.to_datetime(cut.to_pandas(), format=written, errors="coerce", utc=True)
    times = times.mask(leap_seconds(cut, column.format))
    utc = times.dt.tz_localize(None).dt.as_unit("us")
    found = pa.Array.from_pandas(utc, type=pa.timestamp("us")).cast(pa.int64())
    if column.timezone is None:
        return found, np.zeros(0, np.bool_)
    if column.format is not None:
        return found, np.full(len(texts), "z" in directives(column.format))
    return found, np.asarray(pc.match_substring_regex(texts, _OFFSET).fill_null(False))


def _iso_days(texts: pa.Array) -> pa.Array | None:
    """Return dates [n] if all texts are such, as in 2020-12-31; None if pandas must look at them.

    Arrow takes four digits, two and two alone, so these are dates in pandas as well. Those that
    only some versions of pandas can hold are left to it, as no cell may depend on the others.
    """
    try:
        days = texts.cast(pa.date32())
    except pa.ArrowInvalid:
        return None
    first, last = pc.min_max(days.cast(pa.int32())).as_py().values()
    is_near = first is None or _NEAR[0] <= first <= last <= _NEAR[1]
    return days if is_near else None


def _from_typed(times: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Return the microseconds since 1970 [n], and which times state an offset."""
    zoned = pa.types.is_timestamp(times.type) and times.type.tz is not None
    if pa.types.is_timestamp(times.type) and times.type.unit == "ns":
        found = pc.floor_temporal(times, unit="microsecond").cast(pa.timestamp("us", times.type.tz))
    else:
        found = times.cast(pa.timestamp("us", getattr(times.type, "tz", None)))
    return found.cast(pa.int64()), np.full(len(times), zoned)


def _localise(times: Times, local: npt.NDArray[np.bool_], zone: str) -> None:
    rows = np.flatnonzero(local & times.known)
    found = instants_of(times.values[rows], zone)
    times.values = times.values.copy()
    times.values[rows] = found.values
    never, twice = np.zeros((2, len(local)), np.bool_)
    never[rows], twice[rows] = found.never, found.twice
    times.refuse(never, f"a time that there is in {zone}, where clocks were put forward then")
    times.refuse(twice, f"a time that comes once in {zone}, where clocks were put back then")
