"""Rows of a program: spelt as the raw files spell them, or refused with their row and column."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from one_column import one_column

from shardmill.errors import ColumnsError, InputError
from shardmill.format.manifest import Statistics
from shardmill.kinds import tabular
from shardmill.kinds.tabular_given import given_cells
from shardmill.kinds.text_columns import given_row_texts
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.text_recipe import TextRecipe

EAST = timezone(timedelta(hours=2))
NOON = datetime(2024, 5, 6, 12, 30, 15, tzinfo=UTC)


def notes_recipe() -> TextRecipe:
    recipe = parse_recipe(
        """
        name = "notes"
        kind = "text"
        text = { columns = ["title", "body"], join = ["title", "body"] }
        splits.train.csv.path = "notes.csv"
        """,
        where="here",
    )
    assert isinstance(recipe, TextRecipe)
    return recipe


NOTES = notes_recipe()


def spelling(column: str, value: object, more: str = "") -> Any:
    """Return how the only cell of a row is spelt."""
    return given_cells(one_column(column, more), [{"c": value}]).column("c")[0].as_py()


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ('dtype = "int64"', 7, "7"),
        ('dtype = "int64"', 7.0, "7"),
        ('dtype = "int64"', np.int8(7), "7"),
        ('dtype = "float64"', np.float32(0.5), "0.5"),
        ('dtype = "float64"', Decimal("0.10"), "0.10"),
        ('dtype = "int64"', True, "1"),
        ('dtype = "bool"', np.bool_(False), "0"),
        ('dtype = "bool", true = ["Ja"], false = ["Nein"]', True, "Ja"),
        # pandas writes them so
        ('dtype = "str", categories = ["True", "False"]', True, "True"),
        ('dtype = "str", categories = ["True", "False"]', np.bool_(False), "False"),
        # and so it reads them
        ('dtype = "str", categories = ["true", "false"]', True, "true"),
        ('dtype = "str", map = { FALSE = 0, TRUE = 1 }', np.bool_(False), "FALSE"),
        # a float is a whole number, unless the column has it with a fraction
        ('dtype = "bool"', 1.0, "1"),
        ('dtype = "bool", true = ["1.0"], false = ["0.0"]', 1.0, "1.0"),
        ('dtype = "str", categories = ["1", "2"]', np.float64(1), "1"),
        ('dtype = "str", categories = ["1.0", "2.5"]', np.float64(1), "1.0"),
        ('dtype = "str", categories = "learn"', 1.0, "1"),
        ('dtype = "float64", missing = "keep", missing_values = ["-9.0"]', -9.0, "-9.0"),
        ('dtype = "float64", missing = "keep", missing_values = ["-9"], prefix = "$"', -9.0, "-9"),
        ('dtype = "float64", missing = "keep", missing_values = ["-8"], prefix = "$"', -9.0, "-$9"),
        ('dtype = "date"', date(2024, 5, 6), "2024-05-06"),
        ('dtype = "date"', np.datetime64("2024-05-06"), "2024-05-06"),
        ('dtype = "date"', datetime(2024, 5, 6, 1, tzinfo=EAST), "2024-05-05T23:00:00"),
        ('dtype = "date", format = "%d.%m.%Y"', pd.Timestamp("2024-05-06"), "06.05.2024"),
        ('dtype = "timestamp"', date(2024, 5, 6), "2024-05-06T00:00:00"),
        *[(f'dtype = "{dtype}"', None, None) for dtype in ("int64", "bool", "date", "timestamp")],
        *[
            ('dtype = "float64"', missing, None)
            for missing in (np.nan, np.float32("nan"), pd.NA, pd.NaT, Decimal("nan"))
        ],
        ('dtype = "date"', np.datetime64("NaT"), None),
        ('dtype = "str", categories = ["a"]', np.str_("a"), "a"),
    ],
)
def test_spelling(column: str, value: object, text: str | None) -> None:
    assert spelling(column, value) == text


def test_a_float_is_spelt_as_a_learnt_category() -> None:
    recipe = one_column('dtype = "str", categories = "learn"')
    for categories, text in ((("1.0", "2.5"), "1.0"), (("1", "2.5"), "1"), (("x",), "1")):
        learnt = {"c": Statistics(categories=("<unknown>", *categories))}
        assert given_cells(recipe, [{"c": 1.0}], learnt).column("c").to_pylist() == [text]


@pytest.mark.parametrize(
    ("dtype", "form"),
    [
        ("timestamp", "%Y-%m-%d %H:%M:%S"),
        ("timestamp", "%d/%m/%Y %H:%M:%S%z"),
        ("timestamp", "%H:%M:%S %d%m%y%z"),
        ("date", "%Y-%m-%d %H:%M:%S"),
        ("date", "%H:%M:%S %d%m%y"),
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        NOON,
        NOON.astimezone(EAST),
        pd.Timestamp(NOON).tz_convert("Asia/Tokyo"),
        NOON.replace(tzinfo=None),  # taken for UTC, as in a file
    ],
)
def test_times_with_a_format_keep_their_moment(dtype: str, form: str, value: datetime) -> None:
    recipe = one_column(f'dtype = "{dtype}", format = "{form}"')
    cleaned = tabular.clean(recipe, given_cells(recipe, [{"c": value}]), labelled=False)
    assert cleaned.faults == ()
    naive = NOON.replace(tzinfo=None)
    expected = naive if dtype == "timestamp" else naive.date()
    assert cleaned.table.column("c").to_pylist() == [expected]


def test_days_with_a_format_that_has_an_offset() -> None:
    column = 'dtype = "timestamp", format = "%Y-%m-%d%z"'
    assert spelling(column, date(2024, 5, 6)) == "2024-05-06+0000"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ('dtype = "int64", missing = "mode"', -1),
        ('dtype = "float64", missing = "mean"', -1.0),
        ('dtype = "float64", missing = "mean"', np.float64(-1)),
        ('dtype = "date", missing = "mode", format = "%Y"', date(1900, 1, 1)),
        ('dtype = "str", categories = ["a"], missing = "keep"', "-1"),
    ],
)
def test_values_that_spell_a_missing_cell(column: str, value: object) -> None:
    recipe = one_column(column, 'csv.missing = ["", "-1", "1900"]')
    for cell in (value, "", " -1 "):
        cleaned = tabular.clean(recipe, given_cells(recipe, [{"c": cell}]), labelled=False)
        assert cleaned.faults == ()
        assert cleaned.table.to_pydict() == {"c": [None]}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([1], "a list"),
        ((), "a tuple"),
        ({"a": 1}, "a dict"),
        (np.zeros(2), "a ndarray"),
        (np.array(1), "a ndarray"),
        (b"a", "a bytes"),
    ],
)
def test_cells_that_are_no_single_value(value: object, found: str) -> None:
    column = 'dtype = "int64"'
    match = f"^row 1, column c: expected a value of int64, found {found}; give rows like"
    with pytest.raises(InputError, match=match):
        given_cells(one_column(column), [{"c": 1}, {"c": value}])


def test_times_that_utc_has_no_room_for() -> None:
    value = datetime(1, 1, 1, tzinfo=EAST)
    match = r"^row 0, column c: expected a value of timestamp, found datetime\.datetime\(1, 1, 1, "
    with pytest.raises(InputError, match=match):
        given_cells(one_column('dtype = "timestamp"'), [{"c": value}])


def test_lone_surrogates() -> None:
    match = r"^row 1, column c: expected characters of Unicode, found 'a\\ud800'"
    recipe = one_column('dtype = "str", categories = ["a"]')
    with pytest.raises(InputError, match=match):
        given_cells(recipe, [{"c": None}, {"c": "a\ud800"}])
    with pytest.raises(InputError, match=match.replace(", column c", "")):
        given_row_texts(NOTES, ["a", "a\ud800"])


def test_only_columns_that_are_used_are_converted() -> None:
    frame = pd.DataFrame({"c": [1, 2], "mixed": [1, "a"], "other": [{1}, object()]})
    assert given_cells(one_column('dtype = "int64"'), frame).to_pydict() == {"c": ["1", "2"]}


@pytest.mark.parametrize("rows", [[], (), pd.DataFrame({"c": []}), pa.table({"c": pa.nulls(0)})])
def test_no_rows(rows: Any) -> None:
    found = given_cells(one_column('dtype = "int64"'), rows)
    assert found.schema == pa.schema([("c", pa.string())])
    assert len(found) == 0


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([{"d": 1}], ColumnsError, "the rows: expected the columns c, each once, found no c"),
        (pd.DataFrame({"d": [1]}), ColumnsError, "the rows: .*found no c"),
        (pa.table({"d": [1]}), ColumnsError, "the rows: .*found no c"),
        (pd.DataFrame([[1, 2]], columns=["c", "c"]), ColumnsError, "found c twice; add"),
        (pa.table([[1], [2]], ["c", "c"]), ColumnsError, "found c twice; add"),
        (["c"], InputError, "row 0: expected a dict of cells, found str"),
        (7, InputError, "the rows: expected a list of rows, a DataFrame or an Arrow table"),
    ],
)
def test_rows_that_are_something_else(rows: Any, error: type[InputError], message: str) -> None:
    with pytest.raises(error, match=f"^.*{message}"):
        given_cells(one_column('dtype = "int64"'), rows)


def test_texts() -> None:
    whole = given_row_texts(NOTES, ["a", " b "])["text"]  # joined already
    assert whole.to_pylist() == ["a", " b "]
    assert given_row_texts(NOTES, [])["text"].to_pylist() == []
    columns = {"title": ["a", None], "body": ["b", "c"]}
    for rows in (pa.table(columns), pd.DataFrame(columns)):
        assert given_row_texts(NOTES, rows)["text"].to_pylist() == ["a b", " c"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a", None], "row 1: expected a text, found None"),
        ([1], "row 0: expected a text, found 1"),
        (pd.DataFrame({"title": ["a"], "body": [1]}), "row 0, column body: expected a text"),
        (7, "the rows: expected a list of rows, a DataFrame or an Arrow table, found int"),
    ],
)
def test_what_is_no_text(rows: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        given_row_texts(NOTES, rows)
