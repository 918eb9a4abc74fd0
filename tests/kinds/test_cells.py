"""Cells are compared without white space around them, and missing ones are null."""

import sys

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from recipe_texts import fault_of
from tables import table_of, through

from shardmill.kinds import tabular
from shardmill.kinds.cells import Cells
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.tabular_recipe import TabularRecipe

texts = st.text(st.sampled_from(" \t\u00a0\u3000\u2028aé€\U0001f600?NA"), max_size=4)


@given(st.lists(st.none() | texts), st.booleans(), st.sets(texts, max_size=3), st.data())
def test_cells_are_what_python_makes_of_each(
    cells: list[str | None], strip: bool, missing: set[str], data: st.DataObject
) -> None:
    def compared(text: str) -> str:
        return text.strip() if strip else text

    start = data.draw(st.integers(0, len(cells)))
    written = pa.array(cells, pa.string())[start:]
    none = {"", *map(compared, missing)}
    expected = [None if c is None or compared(c) in none else compared(c) for c in cells[start:]]
    found = Cells.of(written, strip=strip, missing=missing)
    assert found.written.to_pylist() == cells[start:]
    assert found.texts.to_pylist() == expected
    assert found.missing_rows() == [row for row, text in enumerate(expected) if text is None]
    found.texts.validate(full=True)


def test_white_space_is_that_of_python() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    for cells in ([f"{c}x" for c in characters], [f"x{c}" for c in characters]):
        # Each on its own, too, since an array without white space is not copied.
        assert Cells.of(pa.array(cells)).texts.to_pylist() == [cell.strip() for cell in cells]
    for c in (c for c in characters if c.isspace()):
        for cell in (f"{c}x", f"x{c}"):
            assert Cells.of(pa.array([cell])).texts.to_pylist() == ["x"]


def test_what_messages_say_of_cells() -> None:
    cells = Cells.of(pa.array([" a", "", None, " NA"]), missing=["NA"])
    assert [cells.found(row) for row in range(4)] == [
        "' a'",
        "an empty cell",
        "an empty cell",
        "' NA', a missing cell",
    ]


@pytest.mark.parametrize(
    ("column", "cells", "numbers"),
    [
        ('dtype = "str", categories = "learn", missing = "keep"', [" b", "b ", " ", ""], [2, 1]),
        ('dtype = "str", categories = ["b"], missing = "keep"', [" b", "b\t", "\u3000"], [1, 0]),
        ('dtype = "str", map = { b = 7 }, missing = "constant", fill = "b"', [" b", " "], [7]),
        ('dtype = "str", categories = [" b", "b"], strip = false', [" b", "b"], [0, 1]),
        ('dtype = "str", categories = [" "], strip = false', [" "], [0]),
        ('dtype = "bool", missing = "constant", fill = false', [" yes", "  "], [1, 0]),
        ('dtype = "float64", missing = "constant", fill = 3', [" 1 ", "  ", "\t"], [1, 3]),
        ('dtype = "date", missing = "constant", fill = 1970-01-02', [" 1970-01-01", " "], [0, 1]),
        # the empty text may be a category as what is filled in
        (
            'dtype = "str", categories = ["a", ""], missing = "constant", fill = ""',
            ["", "a"],
            [1, 0],
        ),
    ],
)
def test_white_space_in_each_dtype(column: str, cells: list[str], numbers: list[float]) -> None:
    found = [x for (x,) in through(column, cells)[2]]
    assert list(dict.fromkeys(found)) == numbers


SPELLINGS = """
name = "t"
kind = "tabular"
csv.missing = ["?"]
splits.train.csv.path = "t"
[columns]
c = { dtype = "float64", missing = "keep", missing_values = [" -1 ", "NA"] }
d = { dtype = "str", categories = "learn" }
e = { dtype = "str", strip = false, categories = "learn", missing = "keep" }
"""


def test_spellings_of_the_file_and_of_a_column() -> None:
    recipe = parse_recipe(SPELLINGS, where="here")
    assert isinstance(recipe, TabularRecipe)
    raw = table_of(
        c=["?", " NA", "-1", "", " "],
        d=["NA", "-1", "US", "? ?", "a"],
        e=["?", " ?", "", " ", "NA"],
    )
    cleaned = tabular.clean(recipe, raw, labelled=False)
    assert cleaned.faults == ()
    assert cleaned.table.to_pydict() == {
        "c": [None] * 5,
        "d": ["NA", "-1", "US", "? ?", "a"],
        "e": [None, " ?", None, " ", "NA"],
    }


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ('dtype = "int64", strip = false', "columns.c.strip: needs dtype str"),
        ('dtype = "str", categories = ["a", " b"]', "c.categories: ' b' has white space around"),
        ('dtype = "str", map = { "b " = 1 }', "columns.c.map: 'b ' has white space around it"),
        (
            'dtype = "str", categories = "learn", missing = "constant", fill = " b"',
            "columns.c.fill: ' b' has white space around it, and cells are compared without it",
        ),
        ('dtype = "str", categories = ["?"]', "categories: '?' is how a missing cell is written"),
        ('dtype = "str", categories = ["", "a"]', "categories: '' is how a missing cell is"),
        ('dtype = "str", map = { a = 1, "?" = 2 }', "columns.c.map: '?' is how a missing cell"),
        ('dtype = "bool", missing_values = ["n"]', "c.false: 'n' is how a missing cell is"),
        (
            'dtype = "bool", missing_values = ["n"], true = [" y"], false = ["-"]',
            "columns.c.true: ' y' has white space around it",
        ),
        ('dtype = "int64", missing_values = []', "columns.c.missing_values: Tuple should have"),
        ('dtype = "int64", missing_values = ["a", "a"]', "missing_values: named twice: a"),
    ],
)
def test_faults_of_cells_that_cannot_be(column: str, fault: str) -> None:
    start = 'name = "t"\nkind = "tabular"\nsplits.train.csv.path = "t"\ncsv.missing = [" ?"]\n'
    assert fault in fault_of(f"{start}[columns]\nc = {{ {column} }}")


LABELS = """
name = "t"
kind = "tabular"
csv.missing = ["-"]
splits.train.csv.path = "t"
target = { column = "y", classes = ["a", "b"] }
columns.c = { dtype = "int64" }
columns.y = { dtype = "str", missing_values = ["none"], missing = "MISSING" }
"""


@pytest.mark.parametrize("missing", ["error", "drop"])
def test_labels_have_missing_cells_too(missing: str) -> None:
    recipe = parse_recipe(LABELS.replace("MISSING", missing), where="here")
    assert isinstance(recipe, TabularRecipe)
    raw = table_of(c=list("123456"), y=["a", " b", "none", " - ", "", "x"])
    cleaned = tabular.clean(recipe, raw, labelled=True)
    assert cleaned.table.to_pydict() == {"c": [1, 2], "y": [0, 1]}
    found = {fault.row: fault.facts["found"] for fault in cleaned.faults}
    if missing == "drop":
        assert list(cleaned.dropped) == [2, 3, 4]
        assert found == {5: "'x'"}
    else:
        assert found == {
            2: "'none', a missing cell",
            3: "' - ', a missing cell",
            4: "an empty cell",
            5: "'x'",
        }
        (first, *_) = cleaned.faults
        assert first.facts["expected"] == "one of a, b"
        assert 'columns.y.missing = "drop"' in first.facts["fix"]


def test_a_class_that_is_a_missing_cell() -> None:
    text = LABELS.replace("MISSING", "drop")
    found = fault_of(text.replace('["a", "b"]', '["a", "none", "-"]'))
    assert found == (
        "2 faults: target.classes: '-' is how a missing cell is written; "
        "target.classes: 'none' is how a missing cell is written"
    )
    assert "has no key but" in fault_of(text.replace("dtype", "strip = false, dtype", 2))
