"""Spellings of bools: what the recipe writes is always taken, whatever its letters."""

import sys

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from shardmill.kinds.cells import Cells
from shardmill.kinds.tabular_clean import CellReader
from shardmill.recipe.tabular_column import Column

# Cells are read without white space around them.
spellings = st.text(min_size=1).filter(lambda text: text == text.strip() != "")


def read(cells: list[str], true: str, false: str) -> list[bool | None]:
    reader = CellReader("b", Column(dtype="bool", true=(true,), false=(false,)))
    values: list[bool | None] = reader.read(Cells.of(pa.array(cells, pa.string()))).to_pylist()
    return values


@given(spellings, spellings)
def test_a_spelling_of_the_recipe_is_taken(true: str, false: str) -> None:
    if true != false:
        assert read([true, false, f" {true} "], true, false) == [True, False, True]


def test_every_letter_may_be_in_a_spelling() -> None:
    codes = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    letters = [f"x{chr(code)}x" for code in codes]
    # Not validated: whether so many spellings are distinct takes hours to find out.
    column = Column.model_construct(dtype="bool", true=tuple(letters), false=("no",))
    reader = CellReader("b", column)
    assert reader.read(Cells.of(pa.array(letters, pa.string()))).to_pylist() == [True] * len(
        letters
    )


@pytest.mark.parametrize(
    ("true", "cell"), [("ΑΛΗΘΕΣ", "ΑΛΗΘΕΣ"), ("DİŞİ", "DİŞİ"), ("Ja", "jA"), ("straße", "STRAßE")]
)
def test_letters_that_lower_case_changes(true: str, cell: str) -> None:
    assert read([cell], true, "no") == [True]
