"""Dates and timestamps are what `datetime.strptime` reads, whatever the format."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from shardmill.kinds.cells import Cells
from shardmill.kinds.tabular_clean import CellReader
from shardmill.kinds.time_formats import cut_fractions
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.time_format import format_fault

DIRECTIVES = [f"%{letter}" for letter in "YymdHIMSfjbBaApzwGVu%"]
BETWEEN = ["", ".", ",", "-", "/", ":", " ", "  ", "T", "x", "(", "]", "+", "*"]


@st.composite
def formats(draw: st.DrawFn) -> str:
    """A format of directives with punctuation between them that a recipe may state."""
    some = draw(st.permutations(DIRECTIVES))[: draw(st.integers(1, 7))]
    written = "".join(d + draw(st.sampled_from(BETWEEN)) for d in some)
    if format_fault(written, "timestamp"):
        written = draw(st.sampled_from(["%Y%m%d.%H%M%S%f", "%d,%m%Y%H", "%f%%%b %d %y", "%j.%Y%z"]))
    return written


moments = st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC))


def read(cells: list[str], written: str | None) -> list[datetime | None]:
    reader = CellReader("t", Column(dtype="timestamp", format=written))
    times: list[datetime | None] = reader.read(Cells.of(pa.array(cells, pa.string()))).to_pylist()
    assert sorted(fault.row for fault in reader.faults) == [
        n for n, t in enumerate(times) if t is None
    ]
    return times


def by_python(cell: str, written: str) -> datetime | None:
    try:
        time = datetime.strptime(cell.strip(), written)
    except ValueError:
        return None
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


@settings(max_examples=300)
@given(formats(), st.lists(moments, min_size=1, max_size=4))
def test_cells_are_what_strptime_reads(written: str, times: list[datetime]) -> None:
    cells = [time.strftime(written) for time in times]
    # Cells that were written in another way, or that are none.
    cells += [cell.lower().replace(" ", "  ") for cell in cells]
    cells += [cell[1:] for cell in cells] + [cell.replace("0", "", 1) for cell in cells]
    assert read(cells, written) == [by_python(cell, written) for cell in cells]


@settings(max_examples=200)
@given(
    moments,
    st.sampled_from(["%Y%m%d.%H%M%S%f", "%d,%m,%Y %H:%M:%S,%f", "%S.%f|%b %Y", "%f%%.%y%m"]),
    st.integers(10**6, 10**12 - 1).map(str),
)
def test_further_digits_of_a_fraction_are_cut(time: datetime, written: str, digits: str) -> None:
    # The digits stand where %f does, after those of the seconds.
    whole = written.replace("%f", "%f@")
    first, after = time.strftime(whole).split("@")
    longer = first[:-6] + digits + after
    expected = datetime.strptime(first[:-6] + digits[:6] + after, written)
    assert read([longer], written) == [expected]


@pytest.mark.parametrize(
    ("written", "cell", "expected"),
    [
        ("%Y%m%d.%H%M%S%f", "20201231.145912345", datetime(2020, 12, 31, 14, 59, 12, 345_000)),
        ("%d,%m%Y%H", "31,12202014", datetime(2020, 12, 31, 14)),
        ("%Y.%m%d%H%M", "2020.12311459", datetime(2020, 12, 31, 14, 59)),
        (None, "2020-12-31T14:59:12.123456789", datetime(2020, 12, 31, 14, 59, 12, 123_456)),
    ],
)
def test_digits_that_are_no_fraction_stay(
    written: str | None, cell: str, expected: datetime
) -> None:
    assert read([cell], written) == [expected]


def test_a_year_that_nanoseconds_cannot_hold_beside_a_nanosecond() -> None:
    cells = ["1600-01-01 00:00:00.5", "2020-01-01 00:00:00.123456789"]
    assert read(cells, "%Y-%m-%d %H:%M:%S.%f") == [
        datetime(1600, 1, 1, 0, 0, 0, 500_000),
        datetime(2020, 1, 1, 0, 0, 0, 123_456),
    ]


@pytest.mark.parametrize(
    ("written", "cell", "expected"),
    [
        # digits that may be read in several ways are read in the first one, which leaves no rest
        ("%Y%m%d.%H%M%S%f", "19991111.11560000000", datetime(1999, 11, 11, 11, 56)),
        ("%Y%m%d.%H%M%S%f", "19991111.11560000000000", datetime(1999, 11, 11, 11, 56)),
        ("%Y %H%M%S", "1999 11560", datetime(1999, 1, 1, 11, 56)),
        ("%Y %H%M%S", "1999 115960", None),
    ],
)
def test_seconds_that_are_leap_seconds_only_in_another_reading(
    written: str, cell: str, expected: datetime | None
) -> None:
    assert read([cell], written) == [expected]


def test_leap_seconds_are_none_of_pythons() -> None:
    assert read(["23:59:59", "23:59:60", "23:59:61"], "%H:%M:%S")[1:] == [None, None]
    assert read(["2016-12-31T23:59:60"], None) == [None]


def test_nulls_stay_null() -> None:
    assert cut_fractions(pa.array([None, "1.2345678"]), "%S.%f").to_pylist() == [None, "1.234567"]
