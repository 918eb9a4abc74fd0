"""Spells dates and datetimes that a program gives as the cells of their column are written."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from shardmill.kinds.time_units import days_of_excel
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.time_format import directives

_POWERS = {"s": -6, "ms": -3, "us": 0}  # of ten, from microseconds
_EPOCH = datetime(1970, 1, 1)


def spell_time(value: date, column: Column, numbers: NumberFormat) -> str:
    """Return a date or datetime as a cell of a column of dates or timestamps.

    A datetime without a zone is in that of the column, or else in UTC, as a cell would be.

    Args:
        value: The date or datetime.
        column: The column.
        numbers: How its numbers are written, if its cells are numbers.

    Raises:
        OverflowError: UTC cannot hold the time.
        ValueError: The same, or the zone of the column has the local time never or twice.

    Example:
        >>> spell_time(date(1970, 1, 2), Column(dtype="date", unit="s"), NumberFormat())
        '86400.000000'
    """
    if column.unit is not None:
        moment = _local(value, column) if column.unit == "excel" else _utc(value, column)
        micros = (moment - _EPOCH) // timedelta(microseconds=1)
        if column.unit == "excel":
            return numbers.spell(str(days_of_excel(micros)))
        return numbers.spell(format(Decimal(micros).scaleb(_POWERS[column.unit]), "f"))
    written = column.format
    if written is not None and "z" in directives(written):
        return _format(_utc(value, column).replace(tzinfo=UTC), written)
    if column.dtype != "timestamp" and not isinstance(value, datetime):
        return value.isoformat() if written is None else _format(value, written)
    if written is not None:
        return _format(_local(value, column), written)
    if isinstance(value, datetime) and value.tzinfo is not None and column.timezone is not None:
        return value.astimezone(UTC).isoformat()
    local = _local(value, column)
    midnight = local.time() == time()
    return (local.date() if column.dtype == "date" and midnight else local).isoformat()


def _moment(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())


def _local(value: date, column: Column) -> datetime:
    """Return the local time in the zone of the column."""
    moment = _moment(value)
    if moment.tzinfo is None:
        return moment
    zone = UTC if column.timezone is None else ZoneInfo(column.timezone)
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _utc(value: date, column: Column) -> datetime:
    """Return the time in UTC, without a zone."""
    moment = _moment(value)
    if moment.tzinfo is None and column.timezone is not None:
        zone = ZoneInfo(column.timezone)
        first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() != second.utcoffset():
            raise ValueError(f"{column.timezone} has {moment} never or twice")
        moment = first
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _format(value: date, written: str) -> str:
    # Some C libraries write years before 1000 with fewer digits than strptime takes.
    year = f"{value.year:04}"
    return value.strftime(re.sub("%(.)", lambda m: year if m[1] == "Y" else m[0], written))
