"""Tables: what becomes of cells, what the train split teaches, and that chunks do not matter."""

import math
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from cells import Cells
from tables import NAN, faults_at_their_row, through

from shardmill.errors import UnknownCategoryError
from shardmill.format.manifest import Statistics

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
