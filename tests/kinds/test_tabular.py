"""Tables: what becomes of cells, what the train split teaches, and that chunks do not matter."""

import math
import pickle
import statistics as python_statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from bikes import BIKES, COLUMNS, NAMES, SPLITS, bikes_recipe, raw_rows
from hypothesis import given, settings, strategies as st
from one_column import one_column

from shardmill.errors import InputError, UnknownCategoryError, ValueFormatError
from shardmill.format.layout import Field
from shardmill.format.manifest import Statistics
from shardmill.kinds import tabular
from shardmill.kinds.row import Cleaned, Fitted, RowFault
from shardmill.kinds.tabular_dtypes import class_dtype
from shardmill.kinds.tabular_fit import mean_and_std
from shardmill.recipe.tabular_recipe import TabularRecipe

Cells = Sequence[str | None]
NAN = math.nan


def table_of(**columns: Cells) -> pa.Table:
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def fit_chunks(recipe: TabularRecipe, table: pa.Table, borders: Sequence[int] = ()) -> Fitted:
    ends = [0, *sorted(borders), len(table)]
    chunks = [table.slice(a, b - a) for a, b in pairwise(ends)]
    # by way of bytes, as between processes
    summaries = [pickle.loads(pickle.dumps(tabular.prepare(recipe, part)[1])) for part in chunks]
    return tabular.fit(recipe, summaries)


def through(
    column: str, train: Cells, test: Cells | None = None
) -> tuple[tuple[str, ...], dict[str, Statistics], list[list[float]]]:
    """Return features, statistics and the encoded rows of one column."""
    recipe = one_column(column)
    cleaned = tabular.clean(recipe, table_of(c=train), labelled=False)
    assert cleaned.faults == ()
    fitted = fit_chunks(recipe, cleaned.table)
    rows = tabular.clean(recipe, table_of(c=train if test is None else test), labelled=False)
    x = tabular.encode_prepared(recipe, fitted, rows.table)["x"]
    assert (x.dtype, x.shape) == (np.dtype(np.float32), (len(rows.table), len(fitted.features)))
    assert fitted.inputs == (Field.input("float32", (len(fitted.features),)),)
    return fitted.features, dict(fitted.statistics), x.tolist()


@contextmanager
def faults_at_their_row() -> Iterator[None]:
    """Make errors of faults, as the callers of a kind do."""
    try:
        yield
    except RowFault as fault:
        raise fault.at(f"row {fault.row}") from None


DAY = date(2024, 2, 29).toordinal() - date(1970, 1, 1).toordinal()
SECOND = datetime(2024, 2, 29, 13, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("column", "cells", "x"),
    [
        # bools, in any case, with spaces around, by default and as stated
        (
            'dtype = "bool"',
            ["true", "False", " YES", "no ", "Y", "n", "t", "F", "1", "0"],
            [1, 0] * 5,
        ),
        ('dtype = "bool", true = ["Ja"], false = ["Nein", "-"]', ["ja", "NEIN", "-"], [1, 0, 0]),
        ('dtype = "bool", missing = "keep"', ["true", None], [1, NAN]),
        ('dtype = "bool", missing = "mode"', ["true", None, "0", "yes"], [1, 1, 0, 1]),
        ('dtype = "bool", missing = "mode"', ["true", None, "0"], [1, 0, 0]),
        ('dtype = "bool", missing = "constant", fill = true', ["0", None], [0, 1]),
        # dates are days
        ('dtype = "date"', ["1970-01-01", "1970-01-03", "1969-12-31"], [0, 2, -1]),
        ('dtype = "date", format = "%d.%m.%Y"', ["29.02.2024"], [DAY]),
        ('dtype = "date", missing = "median"', ["1970-01-02", None, "1970-01-03"], [1, 1.5, 2]),
        (
            'dtype = "date", missing = "constant", fill = 1970-01-11',
            ["1970-01-02", None],
            [1, 10],
        ),
        # timestamps are seconds; one with an offset is brought to UTC
        (
            'dtype = "timestamp"',
            ["1970-01-01", "1970-01-01T00:01", "1970-01-01 00:00:00.25", "1970-01-01T01:00+01:00"],
            [0, 60, 0.25, 0],
        ),
        ('dtype = "timestamp", format = "%H:%M %d/%m/%Y"', ["13:30 29/2/2024"], [SECOND]),
        # beyond microseconds, digits are cut
        (
            'dtype = "timestamp"',
            ["1970-01-01T00:00:00.000001999", "1970-01-02"],
            [1e-6, 86400],
        ),
        ('dtype = "timestamp", missing = "keep"', ["1969-12-31T23:59:59", None], [-1, NAN]),
        # categories have numbers, those that stand for no category before all others
        ('dtype = "str", categories = ["b", "a"]', ["a", "b"], [1, 0]),
        ('dtype = "str", categories = ["b", "a"], missing = "keep"', ["a", None, "b"], [2, 0, 1]),
        ('dtype = "str", categories = ["b"], unseen = "unknown"', ["a", "b"], [0, 1]),
        (
            'dtype = "str", categories = ["b"], unseen = "unknown", missing = "keep"',
            ["a", None, "b"],
            [0, 1, 2],
        ),
        ('dtype = "str", categories = "learn"', ["b", "a", "b"], [2, 1, 2]),
        ('dtype = "str", categories = "learn", unseen = "error"', ["b", "a", "b"], [1, 0, 1]),
        ('dtype = "str", categories = "learn", missing = "keep"', ["b", None], [2, 1]),
        ('dtype = "str", categories = "learn", missing = "keep"', [None, None], [1, 1]),
        # imputed before they are learnt
        ('dtype = "str", categories = "learn", missing = "mode"', ["b", None], [1, 1]),
        (
            'dtype = "str", categories = "learn", missing = "constant", fill = "a"',
            ["b", None],
            [2, 1],
        ),
        # rare ones are unknown; of equally frequent ones the first by text are kept
        ('dtype = "str", categories = "learn", min_freq = 2', ["a", "b", "b"], [0, 1, 1]),
        (
            'dtype = "str", categories = "learn", max_categories = 2',
            ["c", "b", "a", "c"],
            [2, 0, 1, 2],
        ),
        # of text, code points count
        ('dtype = "str", categories = "learn"', ["é", "z", "Z", "a"], [4, 3, 1, 2]),
        # constants
        ('dtype = "float64", missing = "constant", fill = 2', ["1", None], [1, 2]),
        ('dtype = "int64", missing = "constant", fill = -1', ["1", None], [1, -1]),
        ('dtype = "str", map = { a = 3, b = 5 }, missing = "constant", fill = "b"', [None], [5]),
        # scaled, by the train split
        ('dtype = "float64", scale = "standardise"', ["1", "3", "1", "3"], [-1, 1, -1, 1]),
        ('dtype = "float64", scale = "min_max"', ["2", "6", "3"], [0, 1, 0.25]),
        ('dtype = "float64", scale = "min_max", missing = "mean"', ["2", None, "6"], [0, 0.5, 1]),
        ('dtype = "float64", scale = "min_max", missing = "keep"', ["2", None, "6"], [0, NAN, 1]),
        ('dtype = "date", scale = "min_max"', ["2020-01-01", "2020-01-03"], [0, 1]),
        # what has one value alone becomes 0, whatever rounding would make of it
        *[
            (f'dtype = "float64", scale = "{scale}"', ["0.1"] * n, [0] * n)
            for scale in ("standardise", "min_max")
            for n in (1, 3, 7, 49)
        ],
    ],
)
def test_one_number_a_cell(column: str, cells: Cells, x: list[float]) -> None:
    features, _, found = through(column, cells)
    assert features == ("c",)
    np.testing.assert_array_equal(np.array(found)[:, 0], np.array(x, np.float32))


@pytest.mark.parametrize(
    ("column", "cells", "features", "x"),
    [
        (
            'dtype = "date", parts = ["year", "month", "day", "weekday", "yearday"]',
            ["2024-02-29", "1900-12-31"],
            ["c.year", "c.month", "c.day", "c.weekday", "c.yearday"],
            [[2024, 2, 29, 3, 60], [1900, 12, 31, 0, 365]],
        ),
        (
            'dtype = "timestamp", parts = ["hour", "minute", "second", "day"], missing = "keep"',
            ["1969-12-31T23:59:58.75", None],
            ["c.hour", "c.minute", "c.second", "c.day"],
            [[23, 59, 58, 31], [NAN] * 4],
        ),
        # the parts of what is filled in: half a day is none
        (
            'dtype = "date", parts = ["day"], missing = "median"',
            ["1970-01-02", None, "1970-01-03"],
            ["c.day"],
            [[2], [2], [3]],
        ),
        (
            'dtype = "str", categories = ["b", "a"], encode = "one_hot"',
            ["a", "b"],
            ["c=b", "c=a"],
            [[0, 1], [1, 0]],
        ),
        (
            'dtype = "str", categories = "learn", encode = "one_hot", missing = "keep"',
            ["a", None],
            ["c=<unknown>", "c=<missing>", "c=a"],
            [[0, 0, 1], [0, 1, 0]],
        ),
    ],
)
def test_several_numbers_a_cell(
    column: str, cells: Cells, features: list[str], x: list[list[float]]
) -> None:
    names, statistics, found = through(column, cells)
    assert list(names) == features
    np.testing.assert_array_equal(np.array(found), np.array(x, np.float32))
    assert statistics["c"].missing == cells.count(None)
    for index, name in enumerate(features):
        stored = np.array(x)[:, index]
        stored = stored[~np.isnan(stored)]
        assert statistics[name].mean == pytest.approx(stored.mean())
        assert statistics[name].std == pytest.approx(stored.std())


@pytest.mark.skipif(pd.__version__ < "3", reason="pandas had nanoseconds alone, and few years")
def test_years_far_away() -> None:
    cells = ["0001-01-01", "9999-12-31T23:59:59.123456789"]
    days = [date(int(cell[:4]), int(cell[5:7]), int(cell[8:10])).toordinal() for cell in cells]
    _, _, x = through('dtype = "date"', [cell[:10] for cell in cells])
    assert x == [[day - date(1970, 1, 1).toordinal()] for day in days]
    _, _, x = through('dtype = "timestamp", parts = ["year", "second"]', cells)
    assert x == [[1, 0], [9999, 59]]


def test_statistics_say_what_was_learnt() -> None:
    _, found, _ = through(
        'dtype = "float64", scale = "min_max", missing = "mean"', ["2", None, "6"]
    )
    fill = {"fill": 4.0, "missing": 1, "offset": 2.0, "divisor": 4.0}
    facts = found["c"].model_dump()
    assert (facts.pop("mean"), facts.pop("std")) == (0.5, pytest.approx(math.sqrt(1 / 6)))
    assert facts == {**fill, "categories": None}
    _, found, _ = through('dtype = "str", categories = "learn"', ["b", "a", "b"])
    assert found["c"].categories == ("<unknown>", "a", "b")
    assert Statistics.model_validate_json(found["c"].model_dump_json()) == found["c"]
    _, found, _ = through('dtype = "float64"', ["1"])
    assert set(found["c"].model_dump()) == set(Statistics.model_fields)


def test_values_that_the_train_split_lacks() -> None:
    learn = 'dtype = "str", categories = "learn"'
    assert through(learn, ["a"], ["b", "a", "<unknown>"])[2] == [[0], [1], [0]]
    assert through(f'{learn}, encode = "one_hot"', ["a"], ["b"])[2] == [[1, 0]]
    assert through(f'{learn}, missing = "mode"', ["a"], [None])[2] == [[1]]
    assert through('dtype = "float64", scale = "min_max"', ["1", "3"], ["5"])[2] == [[2]]
    with (
        pytest.raises(
            UnknownCategoryError,
            match=r"^row 1, column c: expected one of a, c, found 'b'; correct the file, or set "
            r'columns.c.unseen = "unknown" in the recipe$',
        ),
        faults_at_their_row(),
    ):
        through(f'{learn}, unseen = "error"', ["a", "c"], ["a", "b"])


INT64 = "groups.g = { columns = ['c'], dtype = 'int64' }"


@pytest.mark.parametrize(
    ("column", "group", "train", "test", "message"),
    [
        # in which moments since 1970 have no room
        ('dtype = "timestamp"', "float16", "2024-01-01", "2024-01-02", "float16 can hold, found 1"),
        ('dtype = "date"', "float16", "2000-01-01", "2200-01-01", "float16 can hold, found 8"),
        (
            'dtype = "float64", scale = "min_max"',
            "float32",
            "1e-30",
            "1e30",
            "float32 can hold once it is scaled, found 1",
        ),
        # too large before, but not when scaled by the train split
        ('dtype = "float64", scale = "min_max"', "float32", "1e40", "1e39", ""),
        ('dtype = "float64", scale = "min_max"', "float64", "1e40", "1e39", ""),
    ],
)
def test_too_large_for_the_field(
    column: str, group: str, train: str, test: str, message: str
) -> None:
    recipe = one_column(column, f"groups.g = {{ columns = ['c'], dtype = '{group}' }}")
    first = "0" if "float64" in column else "1970-01-01"
    learnt, rows = (
        tabular.clean(recipe, table_of(c=[first, cell]), labelled=False) for cell in (train, test)
    )
    assert learnt.faults == rows.faults == ()
    fitted = fit_chunks(recipe, learnt.table)
    if not message:
        assert tabular.encode_prepared(recipe, fitted, rows.table)["x.g"][1] == pytest.approx(0.1)
        return
    with (
        pytest.raises(
            ValueFormatError, match=f"^row 1, column c: expected a number that {message}"
        ),
        faults_at_their_row(),
    ):
        tabular.encode_prepared(recipe, fitted, rows.table)


@pytest.mark.parametrize("scale", ["min_max", "standardise"])
def test_numbers_that_float64_cannot_scale(scale: str) -> None:
    recipe = one_column(f'dtype = "float64", scale = "{scale}"')
    table = tabular.clean(recipe, table_of(c=["-1e308", "1e308"]), labelled=False).table
    with pytest.raises(RowFault) as caught:
        fit_chunks(recipe, table)
    with pytest.raises(ValueFormatError, match="column c: expected numbers that float64 can scale"):
        raise caught.value.at("the train split")


@pytest.mark.parametrize(
    ("column", "more", "message"),
    [
        ('dtype = "float64", missing = "constant", fill = 1e39', "", "float32 can hold, found 1e"),
        (
            'dtype = "date", missing = "constant", fill = "9999-01-01"',
            "groups.g = { columns = ['c'], dtype = 'float16' }",
            "float16 can hold, found 2932532.0 in place of missing values",
        ),
        (
            'dtype = "int64", missing = "constant", fill = 256',
            "groups.g = { columns = ['c'], dtype = 'uint8' }",
            "uint8 can hold, found 256 in place of missing values",
        ),
    ],
)
def test_a_constant_that_is_too_large(column: str, more: str, message: str) -> None:
    recipe = one_column(column, more)
    cell = {"date": "1970-01-01"}.get(recipe.columns["c"].dtype, "1")
    table = tabular.clean(recipe, table_of(c=[cell]), labelled=False).table
    with pytest.raises(RowFault) as caught:
        fit_chunks(recipe, table)  # whether a value is missing or not
    with pytest.raises(ValueFormatError, match=f"column c: expected numbers that {message}"):
        raise caught.value.at("the train split")


def test_parts_of_a_constant_need_no_room_for_it() -> None:
    column = 'dtype = "timestamp", parts = ["year"], missing = "median"'
    recipe = one_column(column, "groups.g = { columns = ['c'], dtype = 'float16' }")
    table = tabular.clean(recipe, table_of(c=["2024-01-01", None]), labelled=False).table
    fitted = fit_chunks(recipe, table)
    assert tabular.encode_prepared(recipe, fitted, table)["x.g"].tolist() == [[2024], [2024]]


LARGE = 2**53 + 1


@pytest.mark.parametrize(
    ("column", "cells", "x", "fill"),
    [
        ('dtype = "int64", missing = "mode"', [str(LARGE), None], [LARGE] * 2, LARGE),
        (
            f'dtype = "int64", missing = "constant", fill = {-LARGE}',
            ["1", None, str(LARGE)],
            [1, -LARGE, LARGE],
            -LARGE,
        ),
        (f'dtype = "str", map = {{ a = {LARGE}, b = 0 }}', ["b", "a"], [0, LARGE], None),
        (
            f'dtype = "str", map = {{ a = {2**63 - 1}, b = {-(2**63)} }}, missing = "mode"',
            ["b", "a", None, "a"],
            [-(2**63), 2**63 - 1, 2**63 - 1, 2**63 - 1],
            "a",
        ),
    ],
)
def test_large_integers_stay_what_they_are(
    column: str, cells: Cells, x: list[int], fill: object
) -> None:
    recipe = one_column(column, INT64)
    table = tabular.clean(recipe, table_of(c=cells), labelled=False).table
    fitted = fit_chunks(recipe, table, [1])
    facts = Statistics.model_validate_json(fitted.statistics["c"].model_dump_json())
    assert (facts.fill, type(facts.fill)) == (fill, type(fill))
    for borders in (range(len(cells) + 1), (0, len(cells))):  # each row by itself, and all
        parts = [
            tabular.encode_prepared(recipe, fitted, table.slice(a, b - a))["x.g"]
            for a, b in pairwise(borders)
        ]
        assert np.concatenate(parts)[:, 0].tolist() == x


def test_a_constant_is_a_category_though_the_train_split_lacks_it() -> None:
    learn = 'dtype = "str", categories = "learn", missing = "constant", fill = "none"'
    for more, cells, categories in (
        ("", ["b", "a"], ("a", "b", "none")),
        (", max_categories = 2", ["b", "a", "b"], ("b", "none")),
        (", max_categories = 1", ["b", "a", "b"], ("none",)),
        (", min_freq = 2", ["b", "a", "b"], ("b", "none")),
    ):
        _, found, x = through(learn + more, cells, [None])
        assert found["c"].categories == ("<unknown>", *categories)
        assert x == [[len(categories)]]
    assert through(f'{learn}, unseen = "error"', ["a"], [None])[2] == [[1]]
    reserved = learn.replace('"none"', '"<unknown>"')
    assert through(reserved, ["a"], [None])[2] == [[0]]


def test_moments_of_many_categories() -> None:
    cells = [f"{number % 700:03}" for number in range(1000)]
    _, found, _ = through('dtype = "str", categories = "learn", encode = "one_hot"', cells)
    assert found["c=000"].mean == 2 / 1000
    assert found["c=000"].std == pytest.approx(math.sqrt(0.002 * 0.998))
    assert (found["c=<unknown>"].mean, found["c=<unknown>"].std) == (0, 0)
    _, found, _ = through('dtype = "str", categories = "learn", encode = "one_hot"', ["a"] * 3)
    assert (found["c=a"].mean, found["c=a"].std) == (1, 0)


@pytest.mark.skipif(pd.__version__ < "3", reason="pandas had nanoseconds alone, and few years")
def test_parts_of_a_timestamp_are_exact() -> None:
    column = 'dtype = "timestamp", parts = ["second"]'
    _, _, x = through(column, ["9999-12-31T23:59:58.999999"])
    assert x == [[58]]


# Faults


def test_long_lists_are_cut() -> None:
    names = ", ".join(f"'{number}'" for number in range(300))
    recipe = one_column(f'dtype = "str", categories = [{names}]')
    (fault,) = tabular.clean(recipe, table_of(c=["x"]), labelled=False).faults
    assert fault.facts["expected"] == "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 290 more"


@pytest.mark.parametrize(
    ("column", "cell", "error", "message"),
    [
        (
            'dtype = "bool"',
            "maybe",
            ValueFormatError,
            "one of true, yes, y, t, 1, false, no, n, f, 0, found 'maybe'",
        ),
        ('dtype = "bool", true = ["Ja"], false = ["No"]', "yes", ValueFormatError, "one of ja, no"),
        ('dtype = "bool"', None, ValueFormatError, "a value of bool, found an empty cell"),
        ('dtype = "date"', "29.2.2024", ValueFormatError, "a date, as 2020-12-31, found '29.2"),
        ('dtype = "date"', "2023-02-29", ValueFormatError, "a date, as 2020-12-31"),
        ('dtype = "date"', "2024-01-01T05:00", ValueFormatError, "a date, as 2020-12-31"),
        ('dtype = "date", format = "%d/%m/%Y"', "1-1-24", ValueFormatError, "written as %d/%m/%Y"),
        ('dtype = "timestamp"', "noon", ValueFormatError, "a timestamp, as 2020-12-31T23:59:00"),
        ('dtype = "timestamp"', None, ValueFormatError, "a value of timestamp, found an empty"),
        ('dtype = "str", categories = ["a", "b"]', "c", UnknownCategoryError, "one of a, b, found"),
        ('dtype = "str", categories = ["a"]', None, ValueFormatError, "a value of str"),
        ('dtype = "float64"', "1e39", ValueFormatError, "finite float64 that float32 can hold"),
        ('dtype = "float64"', "1_0", ValueFormatError, "finite float64, found '1_0'"),
        ('dtype = "int64"', "+1", ValueFormatError, "finite int64, found '\\+1'"),
    ],
)
def test_faulty_cells(column: str, cell: str, error: type[InputError], message: str) -> None:
    recipe = one_column(column)
    cleaned = tabular.clean(recipe, table_of(c=[cell]), labelled=False)
    assert len(cleaned.table) == 0
    with pytest.raises(error, match=f"^line 2, column c: expected .*{message}"):
        raise pickle.loads(pickle.dumps(cleaned.faults[0])).at("line 2")  # from another process


def test_all_faults_of_all_rows_are_returned() -> None:
    rows = raw_rows(6)
    raw: dict[str, Cells] = {name: [row[name] or None for row in rows] for name in NAMES}
    raw["docks"] = ["1", "x", "2", "3", str(2**31), "4"]
    raw["hired"] = ["2024-01-01"] * 5 + ["never"]
    raw["weather"] = ["clear", "snow", None, "rain", "clear", "clear"]
    raw["minutes"] = ["1", "2", None, "x", None, "5"]
    raw["returned"] = ["no", "no", "what", "yes", "no", "no"]
    cleaned = tabular.clean(bikes_recipe(), table_of(**raw), labelled=True)
    assert [(fault.row, fault.column) for fault in cleaned.faults] == [
        (1, "weather"),
        (1, "docks"),
        (2, "returned"),  # a row that would have been dropped, were it right
        (3, "minutes"),
        (4, "docks"),
        (5, "hired"),
    ]
    assert "int32 can hold" in cleaned.faults[4].facts["expected"]
    assert cleaned.dropped == {}
    assert len(cleaned.table) == 1


def test_a_target_may_be_missing_and_drop_its_row() -> None:
    for target, cells, kept in (
        ("target = { column = 'y' }", ["1.5", None, "2"], [1.5, 2]),
        ("target = { column = 'y', classes = ['a', 'b'] }", ["b", None, "a"], [1, 0]),
    ):
        dtype = "str" if "classes" in target else "float64"
        recipe = one_column(
            f'dtype = "int64" }}\ny = {{ dtype = "{dtype}", missing = "drop"', target
        )
        cleaned = tabular.clean(recipe, table_of(c=["1", "2", "3"], y=cells), labelled=True)
        assert cleaned.dropped == {1: "y is missing"}
        assert cleaned.faults == ()
        assert cleaned.table.to_pydict() == {"c": [1, 3], "y": kept}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_faults_are_those_of_each_cell_alone(data: st.DataObject) -> None:
    texts = st.sampled_from(["1", "-2", " 3 ", "x", "", "1.5", "1e3", "+1", "0x1F", "1e999", "nan"])
    cells = data.draw(st.lists(st.none() | texts, min_size=1, max_size=12))
    recipe = one_column(f'dtype = "{data.draw(st.sampled_from(["int64", "float64"]))}"')

    def faults(cells: Cells) -> list[tuple[int, str]]:
        cleaned = tabular.clean(recipe, table_of(c=cells), labelled=False)
        return [(fault.row, str(fault.at(""))) for fault in cleaned.faults]

    alone = [(row, text) for row, cell in enumerate(cells) for _, text in faults([cell])]
    assert faults(cells) == alone


# Groups and targets


def clean_bikes(rows: int = 40, text: str = BIKES) -> tuple[TabularRecipe, Cleaned]:
    recipe = bikes_recipe(text)
    cells = raw_rows(rows)
    raw = table_of(**{name: [row[name] or None for row in cells] for name in NAMES})
    return recipe, tabular.clean(recipe, raw, labelled=True)


def test_groups_have_small_dtypes() -> None:
    recipe, cleaned = clean_bikes()
    fitted = fit_chunks(recipe, cleaned.table)
    assert fitted.inputs == (
        Field.input("int16", (3,), group="times"),
        Field.input("float32", (3,), group="numbers"),
        Field.input("bool", (5,), group="flags"),
        Field.input("uint8", (1,), group="places"),
        Field.input("int32", (1,), group="docks"),
    )
    weather = ("weather=<missing>", "weather=clear", "weather=rain")
    assert fitted.features == (
        *("hired.month", "hired.weekday", "hired.hour"),
        *("temperature", "wind", "built"),
        *("holiday", "member", *weather),
        *("station", "docks"),
    )
    assert fitted.statistics["station"].categories == ("<unknown>", "Nord", "Ost", "Süd")
    inputs = tabular.encode_prepared(recipe, fitted, cleaned.table)
    assert {name: (x.dtype.name, x.shape[1:]) for name, x in inputs.items()} == {
        field.name: (field.dtype, field.shape) for field in fitted.inputs
    }
    flags = inputs["x.flags"]
    assert flags[:, 2:].sum(axis=1).tolist() == [1] * len(cleaned.table)
    docks = cleaned.table.column("docks").to_pylist()
    assert inputs["x.docks"][:, 0].tolist() == docks


def test_types_of_cleaned_columns() -> None:
    _, cleaned = clean_bikes()
    types = dict(zip(cleaned.table.column_names, cleaned.table.schema.types, strict=True))
    assert (types["hired"], types["built"]) == (pa.timestamp("us"), pa.date32())
    assert (types["holiday"], types["station"]) == (pa.bool_(), pa.string())
    assert (types["minutes"], types["returned"]) == (pa.float64(), pa.int64())


def test_targets() -> None:
    recipe, cleaned = clean_bikes()
    assert tabular.targets(recipe) == (
        Field.target("number", "float32", group="minutes"),
        Field.target("class", "uint8", group="returned"),
    )
    assert tabular.target_columns(recipe) == ("minutes", "returned")
    assert set(cleaned.dropped.values()) == {"minutes is missing"}
    minutes = fit_chunks(recipe, cleaned.table).statistics["minutes"]
    assert minutes.mean == pytest.approx(np.mean(cleaned.table.column("minutes").to_pylist()))
    columns = COLUMNS.replace('returned = { dtype = "str" }', "").replace(', missing = "drop"', "")
    one = bikes_recipe(columns + "[target]\ncolumn = 'docks'\n" + SPLITS)
    assert tabular.targets(one) == (Field.target("number", "float32"),)
    assert one.features()[-1] == "minutes"


@pytest.mark.parametrize(
    ("column", "group", "dtype"),
    [
        ('dtype = "bool"', "['c']", "uint8"),
        ('dtype = "bool", missing = "keep"', "['c']", "float32"),
        ('dtype = "str", map = { a = -1, b = 200 }', "['c']", "int16"),
        ('dtype = "str", map = { a = -1, b = 5 }', "['c']", "int8"),
        ('dtype = "str", map = { a = 70000 }', "['c']", "int32"),
        ('dtype = "date", parts = ["month", "day"]', "['c']", "int16"),
        ('dtype = "date", parts = ["month"], missing = "mode"', "['c']", "int16"),
        ('dtype = "date"', "['c']", "float32"),
        ('dtype = "int64"', "['c']", "float32"),
        ('dtype = "int64"', "{ columns = ['c'], dtype = 'int64' }", "int64"),
        ('dtype = "timestamp"', "{ columns = ['c'], dtype = 'float64' }", "float64"),
        ('dtype = "str", categories = "learn"', "['c']", "uint8"),
    ],
)
def test_dtype_of_a_group(column: str, group: str, dtype: str) -> None:
    cells = {"bool": "1", "str": "a", "date": "2024-05-06", "int64": "7", "timestamp": "2024-01-01"}
    recipe = one_column(column, f"groups.g = {group}")
    raw = table_of(c=[cells[recipe.columns["c"].dtype]])
    fitted = fit_chunks(recipe, tabular.clean(recipe, raw, labelled=False).table)
    assert (fitted.inputs[0].name, fitted.inputs[0].dtype) == ("x.g", dtype)


def test_more_categories_than_a_byte_holds() -> None:
    column = 'dtype = "str", categories = "learn"'
    cells = [f"{number:03}" for number in range(300)]
    for group, message in (
        ("['c']", ""),
        ("{ columns = ['c'], dtype = 'uint8' }", "from 0 to 300"),
    ):
        recipe = one_column(column, f"groups.g = {group}")
        table = tabular.clean(recipe, table_of(c=cells), labelled=False).table
        if message:
            with pytest.raises(RowFault) as caught:
                fit_chunks(recipe, table)
            with pytest.raises(ValueFormatError, match=f"that uint8 can hold.*{message}"):
                raise caught.value.at("the train split")
            continue
        fitted = fit_chunks(recipe, table)
        assert fitted.inputs == (Field.input("int16", (1,), group="g"),)
        assert tabular.encode_prepared(recipe, fitted, table)["x.g"][:, 0].tolist() == list(
            range(1, 301)
        )


def test_whole_numbers_stay_exact_in_a_group_of_int64() -> None:
    large = 2**53 + 1
    group = "groups.g = { columns = ['c'], dtype = 'int64' }"
    recipe = one_column('dtype = "int64", missing = "mode"', group)
    raw = table_of(c=["3", "3", str(large), None])
    table = tabular.clean(recipe, raw, labelled=False).table
    fitted = fit_chunks(recipe, table, [2])
    assert tabular.encode_prepared(recipe, fitted, table)["x.g"].tolist() == [
        [3],
        [3],
        [large],
        [3],
    ]


# Laws


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), st.integers(0, 10**6), st.lists(st.integers(0, 30), max_size=4))
def test_any_chunks_teach_the_same(rows: int, seed: int, borders: list[int]) -> None:
    recipe = bikes_recipe()
    cells = raw_rows(rows, seed) + raw_rows(3, 1)
    known = {"built": "1/1/2000", "member": "ja", "temperature": "0.1", "minutes": "1"}
    cells += [{**row, **known} for row in cells[-1:]]
    raw = table_of(**{name: [row[name] or None for row in cells] for name in NAMES})
    table = tabular.clean(recipe, raw, labelled=True).table
    whole = fit_chunks(recipe, table)
    borders = [min(border, len(table)) for border in borders]
    parts = fit_chunks(recipe, table, borders)
    assert parts == whole
    assert repr(parts) == repr(whole)  # zeros have signs
    inputs = tabular.encode_prepared(recipe, whole, table)
    middle = len(table) // 2
    halves = [
        tabular.encode_prepared(recipe, whole, part)
        for part in (table.slice(0, middle), table.slice(middle))
    ]
    for name, x in inputs.items():
        assert np.concatenate([half[name] for half in halves]).tobytes() == x.tobytes()


values = st.lists(st.integers(-1000, 1000).map(lambda n: n / 8), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None)
@given(values, st.integers(0, 3), st.sampled_from(["median", "mean", "mode"]), st.booleans())
def test_imputation_is_pythons(
    numbers: list[float], missing: int, how: str, standardise: bool
) -> None:
    cells = [*(repr(number) for number in numbers), *[None] * missing]
    scale = "standardise" if standardise else "none"
    _, found, x = through(f'dtype = "float64", missing = "{how}", scale = "{scale}"', cells)
    counts = Counter(sorted(numbers))
    fill = {
        "median": python_statistics.median(numbers),
        "mean": python_statistics.fmean(numbers),
        "mode": counts.most_common(1)[0][0],
    }[how]
    assert found["c"].fill == pytest.approx(fill, abs=1e-12)
    stored = np.array([*numbers, *[fill] * missing])
    if standardise:
        spread = stored.std() if stored.std() > 1e-9 else 1
        stored = (stored - stored.mean()) / spread
    np.testing.assert_allclose(np.array(x)[:, 0], stored, rtol=1e-5, atol=1e-5)
    assert found["c"].mean == pytest.approx(stored.mean(), abs=1e-6)
    assert found["c"].std == pytest.approx(stored.std(), abs=1e-6)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", "é", ""]), min_size=1), st.integers(1, 3))
def test_learnt_categories_are_the_frequent_ones_in_order(cells: list[str], least: int) -> None:
    column = f'dtype = "str", categories = "learn", min_freq = {least}, max_categories = 2'
    _, found, x = through(column, cells)
    counts = Counter(cells)
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    kept = sorted([text for text in ranked if counts[text] >= least][:2])
    assert found["c"].categories == ("<unknown>", *kept)
    assert [int(number) for (number,) in x] == [
        kept.index(text) + 1 if text in kept else 0 for text in cells
    ]


def test_moments_of_numbers_as_large_as_they_come() -> None:
    assert mean_and_std(np.array([1e308, -1e308]), np.array([5, 3])) == (None, None)
    assert mean_and_std(np.array([NAN]), np.array([5])) == (None, None)
    assert mean_and_std(np.array([0.1, NAN]), np.array([3, 5])) == (0.1, 0.0)


@pytest.mark.parametrize(
    ("classes", "dtype"), [(1, "uint8"), (256, "uint8"), (257, "int16"), (32_769, "int32")]
)
def test_classes_take_as_few_bytes_as_they_need(classes: int, dtype: str) -> None:
    assert class_dtype(classes) == dtype
