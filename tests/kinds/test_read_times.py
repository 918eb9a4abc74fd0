"""Times in zones and in units are those of Python's datetime and zoneinfo."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import example, given, strategies as st
from one_column import one_column
from recipe_texts import fault_of
from tables import table_of, through

from shardmill.kinds import tabular
from shardmill.kinds.cells import Cells
from shardmill.kinds.read_times import read_times
from shardmill.kinds.tabular_given import given_cells
from shardmill.recipe.number_format import PLAIN_NUMBERS
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.time_zone import zone_digest

ZONES = ["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]
EPOCH = datetime(1970, 1, 1)
zones = st.sampled_from(ZONES)
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))
TZ = 'dtype = "timestamp", timezone = "Europe/Berlin"'


def read(column: Column, cells: list[str]) -> list[datetime | None]:
    times = read_times(Cells.of(pa.array(cells, pa.string())).texts, column, PLAIN_NUMBERS)
    found: list[datetime | None] = times.array("timestamp").to_pylist()
    return found


def only_instant(local: datetime, zone: str) -> datetime | None:
    """The only instant in UTC of a local time; None if there is none, or two."""
    tz = ZoneInfo(zone)
    found = {
        utc
        for fold in (0, 1)
        for utc in [local.replace(tzinfo=tz, fold=fold).astimezone(UTC)]
        if utc.astimezone(tz).replace(tzinfo=None) == local
    }
    return found.pop().replace(tzinfo=None) if len(found) == 1 else None


@given(
    zones,
    st.lists(moments | st.datetimes(datetime(2020, 3, 29), datetime(2020, 3, 30)), min_size=1),
)
@example("Europe/Berlin", [datetime(2020, 3, 29, 2, 30), datetime(2020, 10, 25, 2, 30)])
@example("Australia/Lord_Howe", [datetime(2020, 4, 5, 1, 45), datetime(2020, 10, 4, 2, 15)])
def test_local_times_have_their_instant(zone: str, times: list[datetime]) -> None:
    column = Column(dtype="timestamp", timezone=zone)
    expected = [only_instant(time, zone) for time in times]
    assert read(column, [str(time) for time in times]) == expected
    written = Column(dtype="timestamp", timezone=zone, format="%d.%m.%Y %H:%M:%S,%f")
    cells = [f"{t:%d.%m.}{t.year:04}{t: %H:%M:%S,%f}" for t in times]
    assert read(written, cells) == expected


@given(zones, zones, st.lists(moments, min_size=1))
def test_an_offset_is_kept_and_parts_are_local(
    zone: str, other: str, times: list[datetime]
) -> None:
    aware = [t.replace(tzinfo=UTC).astimezone(ZoneInfo(other)) for t in times]
    # Offsets of long ago have seconds, which ISO 8601 does not know.
    aware = [
        t for t in aware if (t.utcoffset() or timedelta()) % timedelta(minutes=1) == timedelta()
    ]
    cells = [t.isoformat() for t in aware] + [t.isoformat(" ") for t in aware]
    expected = [t.astimezone(UTC).replace(tzinfo=None) for t in aware] * 2
    column = Column(dtype="timestamp", timezone=zone, parts=("day",))
    assert read(column, cells) == expected
    if cells:
        recipe = f'dtype = "timestamp", timezone = "{zone}", parts = ["day", "hour", "minute"]'
        local = [t.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)) for t in expected]
        found = through(recipe, cells)[2]
        assert found == [[t.day, t.hour, t.minute] for t in local]


@given(
    st.sampled_from([("s", 6), ("ms", 3), ("us", 0)]),
    st.datetimes(datetime(1, 1, 1)),
    st.integers(0, 999),
)
@example(("s", 6), datetime(1969, 12, 31, 23, 59, 59, 999_999), 999)
def test_units_since_1970_are_exact(unit: tuple[str, int], time: datetime, more: int) -> None:
    name, digits = unit
    micros = (time - EPOCH) // timedelta(microseconds=1)
    column = Column.model_validate({"dtype": "timestamp", "unit": name})
    cell = format(Decimal(micros).scaleb(-digits), "f")
    assert read(column, [cell, f"{cell}{'' if digits else '.'}{more:03}"]) == [time, time]
    # A program gives the number, or the time itself.
    recipe = one_column(f'dtype = "timestamp", unit = "{name}"')
    for value in (Decimal(micros).scaleb(-digits), time, time.replace(tzinfo=UTC)):
        if "E" not in str(value):
            given = given_cells(recipe, [{"c": value}])
            assert read(column, given.column("c").to_pylist()) == [time]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("1", datetime(1900, 1, 1)),
        ("59", datetime(1900, 2, 28)),
        ("59.99999999999", datetime(1900, 3, 1)),
        ("60", None),  # 1900-02-29, which there never was
        ("60.5", None),
        ("61", datetime(1900, 3, 1)),
        ("44196", datetime(2020, 12, 31)),
        ("44196.604166666664", datetime(2020, 12, 31, 14, 30)),
        ("2958465.5", datetime(9999, 12, 31, 12)),
        ("2958466", None),
        ("0.5", None),
        ("-1", None),
        ("1e9", None),
        ("nan", None),
    ],
)
def test_days_of_excel(days: str, expected: datetime | None) -> None:
    column = Column(dtype="timestamp", unit="excel")
    assert read(column, [days, "44197"]) == [expected, datetime(2021, 1, 1)]


@given(st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31)))
def test_times_that_a_program_gives_for_days_of_excel(time: datetime) -> None:
    time = time.replace(microsecond=time.microsecond // 1000 * 1000)
    recipe = one_column('dtype = "timestamp", unit = "excel"')
    cells = given_cells(recipe, [{"c": time}]).column("c").to_pylist()
    assert read(Column(dtype="timestamp", unit="excel"), cells) == [time]


@pytest.mark.parametrize(
    ("column", "cells", "numbers"),
    [
        ('dtype = "date", unit = "excel"', ["44196", "44196.75"], [18627, 18627]),
        ('dtype = "date", unit = "s"', ["1609459199", "-1"], [18627, -1]),
        ('dtype = "date", unit = "excel", decimal = ",", thousands = "."', ["44.196,5"], [18627]),
        (
            'dtype = "date", unit = "excel", missing = "constant", fill = 25570',
            ["25569", ""],
            [0, 1],
        ),
        ('dtype = "timestamp", unit = "s", missing = "constant", fill = 1.5', ["1", ""], [1, 1.5]),
        (f'{TZ}, unit = "excel"', ["25569.5"], [11 * 3600]),
        (
            f'{TZ}, missing = "constant", fill = "1970-01-01T02:00"',
            ["1970-01-01", ""],
            [-3600, 3600],
        ),
    ],
)
def test_times_that_are_numbers(column: str, cells: list[str], numbers: list[float]) -> None:
    assert [x for (x,) in through(column, cells)[2]] == numbers


NEVER, TWICE = (
    "put forward then, found '2020-03-29 02:30'",
    "put back then, found '2020-10-25 02:30'",
)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (
            TZ,
            "2020-03-29 02:30",
            f"a time that there is in Europe/Berlin, where clocks were {NEVER}",
        ),
        (
            TZ,
            "2020-10-25 02:30",
            f"a time that comes once in Europe/Berlin, where clocks were {TWICE}",
        ),
        (TZ, "0001-01-01", "of the years 1 to 9999"),
        ('dtype = "timestamp"', "0000-01-01", "of the years 1 to 9999, found '0000-01-01'"),
        ('dtype = "timestamp"', "0001-01-01T00:00+01:00", "of the years 1 to 9999"),
        ('dtype = "timestamp"', "9999-12-31T23:59-01:00", "of the years 1 to 9999"),
        ('dtype = "timestamp", unit = "s"', "253402300800", "of the years 1 to 9999"),
        ('dtype = "timestamp", unit = "us"', "9" * 30, "a number of microseconds since 1970"),
        ('dtype = "timestamp", unit = "s"', "1e5", "a number of seconds since 1970, found '1e5'"),
        ('dtype = "date", unit = "excel"', "60", "a number of days that Excel counts, found '60'"),
        ('dtype = "timestamp"', "1609459200", "set columns.c.format or columns.c.unit in the"),
        ('dtype = "date"', "31.12.2020", "set columns.c.format in the recipe"),
        ('dtype = "date"', "none", "set columns.c.missing_values in the recipe"),
        ('dtype = "timestamp", unit = "s"', "5 s", "columns.c of the recipe"),
    ],
)
def test_times_that_cannot_be(column: str, cell: str, message: str) -> None:
    cleaned = tabular.clean(one_column(column), table_of(c=[cell]), labelled=False)
    (fault,) = cleaned.faults
    assert message in str(fault.at("t"))


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ('dtype = "date", timezone = "UTC"', "columns.c.timezone: needs dtype timestamp"),
        ('dtype = "timestamp", timezone = "Berlin"', "timezone: 'Berlin' is no zone of the IANA"),
        ('dtype = "timestamp", timezone = "../x"', "timezone: '../x' is no zone of the IANA"),
        ('dtype = "timestamp", timezone = ""', "timezone: '' is no zone of the IANA database"),
        (f'{TZ}, format = "%Y%z"', "timezone: needs parts, as all times have an offset"),
        (f'{TZ}, unit = "s"', "columns.c.timezone: needs parts, as all times have an offset"),
        ('dtype = "int64", unit = "s"', "columns.c.unit: needs dtype date or timestamp"),
        ('dtype = "date", unit = "s", format = "%Y"', "columns.c.unit: needs no format, as cells"),
        (
            'dtype = "date", unit = "ns"',
            "columns.c.unit: Input should be 's', 'ms', 'us' or 'excel'",
        ),
        ('dtype = "date", decimal = ","', "columns.c.decimal: needs a dtype of numbers, or a unit"),
        (
            'dtype = "date", unit = "s", missing = "constant", fill = 1970-01-01',
            "columns.c.fill: must be a date as the cells have it",
        ),
    ],
)
def test_faults_of_zones_and_units(column: str, fault: str) -> None:
    start = 'name = "t"\nkind = "tabular"\nsplits.train.csv.path = "t"\n[columns]\n'
    assert fault in fault_of(f"{start}c = {{ {column} }}")


@pytest.mark.parametrize("value", [datetime(2020, 3, 29, 2, 30), datetime(2020, 10, 25, 2, 30)])
@pytest.mark.parametrize("more", ['unit = "s"', 'format = "%Y-%m-%d %H:%M%z"'])
def test_a_program_gives_a_local_time_without_an_instant(value: datetime, more: str) -> None:
    recipe = one_column(f'{TZ}, parts = ["hour"], {more}')
    with pytest.raises(Exception, match=r"expected a value of timestamp, found datetime\.datetime"):
        given_cells(recipe, [{"c": value}])


@pytest.mark.parametrize(
    "more", ["", ', format = "%H:%M %d.%m.%Y"', ', format = "%Y%m%d%H%M%z"', ', unit = "ms"']
)
def test_a_program_gives_times_of_a_zone(more: str) -> None:
    recipe = one_column(f'{TZ}, parts = ["hour"]{more}')
    noon = datetime(2020, 7, 1, 10, tzinfo=UTC)
    values = [noon, noon.astimezone(ZoneInfo("Asia/Tokyo")), datetime(2020, 7, 1, 12)]
    cleaned = tabular.clean(recipe, given_cells(recipe, [{"c": v} for v in values]), labelled=False)
    assert cleaned.table.column("c").to_pylist() == [noon.replace(tzinfo=None)] * 3
    days = given_cells(recipe, [{"c": date(2020, 7, 1)}])
    (day,) = tabular.clean(recipe, days, labelled=False).table.column("c").to_pylist()
    assert day == datetime(2020, 6, 30, 22)


def test_the_rules_of_a_zone_decide_about_cleaned_rows() -> None:
    def zones_of(recipe: TabularRecipe) -> object:
        return recipe.clean_facts().get("zones")

    assert zones_of(one_column(TZ)) == {"Europe/Berlin": zone_digest("Europe/Berlin")}
    assert zones_of(one_column('dtype = "timestamp"')) is None
    assert zone_digest("Europe/Berlin") != zone_digest("UTC")
