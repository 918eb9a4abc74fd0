"""Tables: numbers too large, exact integers, and faulty cells."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from bikes import NAMES, bikes_recipe, raw_rows
from cells import Cells
from hypothesis import given, settings, strategies as st
from one_column import one_column
from tables import faults_at_their_row, fit_chunks, table_of, through

from shardmill.errors import InputError, UnknownCategoryError, ValueFormatError
from shardmill.format.manifest import Statistics
from shardmill.kinds import tabular
from shardmill.kinds.row import RowFault

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
        ('dtype = "bool", true = ["Ja"], false = ["No"]', "yes", ValueFormatError, "one of Ja, No"),
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
        ('dtype = "int64"', "1e2", ValueFormatError, "finite int64, found '1e2'"),
        (
            'dtype = "int64"',
            "0x10",
            ValueFormatError,
            "finite int64 in decimal digits, found '0x10'",
        ),
        ('dtype = "int64"', "\u0661", ValueFormatError, "finite int64, found '\u0661'"),
        ('dtype = "float64"', "\uff11", ValueFormatError, "finite float64, found '\uff11'"),
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
