"""Spells cells that a program gives as a CSV file spells them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from shardmill.format.manifest import Statistics
from shardmill.kinds.given_rows import (
    given_columns,
    is_missing,
    place,
    row_error,
    string_cells,
)
from shardmill.kinds.spell_times import spell_time
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.tabular_recipe import TabularRecipe


def given_cells(
    recipe: TabularRecipe, rows: Any, learnt: Mapping[str, Statistics] = MappingProxyType({})
) -> pa.Table:
    """Return the feature columns of rows as strings, null where a row has no value.

    Args:
        recipe: The recipe of the table.
        rows: A list of dicts, a DataFrame or an Arrow table.
        learnt: What was learnt of the columns. Their categories are known spellings.

    Raises:
        ColumnsError: A column is missing, or is there twice.
        GivenRowError: A cell is no single value, or the rows are something else.
    """
    columns = given_columns(rows, recipe.features())
    known = {name: facts.categories or () for name, facts in learnt.items()}
    return pa.table(
        {
            name: Speller.of(recipe, name, known.get(name, ())).cells(cells)
            for name, cells in columns.items()
        }
    )


@dataclass(frozen=True, slots=True)
class Speller:
    """What spells the values of a column.

    Attributes:
        name: The name of the column.
        column: The column.
        form: How its numbers are written.
        missing: The spellings of a missing cell.
        known: Cells that mean something as they are: missing ones, categories and bools.
    """

    name: str
    column: Column
    form: NumberFormat
    missing: frozenset[str]
    known: frozenset[str]

    @classmethod
    def of(cls, recipe: TabularRecipe, name: str, others: Iterable[str] = ()) -> "Speller":
        """Return what spells the values of a column of a table.

        Args:
            recipe: The recipe of the table.
            name: The column.
            others: What is known besides: learnt categories, or the labels of a target.
        """
        column = recipe.columns[name]
        stated = column.map or (column.categories if column.categories != "learn" else ()) or ()
        bools = [text for side in column.spellings() for text in side]
        missing = frozenset(text.strip() for text in recipe.missing_cells(name))
        known = (*stated, *others, *(bools if column.dtype == "bool" else ()))
        return cls(
            name,
            column,
            recipe.number_format(name),
            missing,
            missing.union(text.strip() for text in known),
        )

    def cells(self, values: Sequence[Any], *, first: int = 0) -> pa.Array:
        """Return cells [n] as a CSV file spells them, null where there is no value.

        Args:
            values: The values [n].
            first: The number of the first row, for errors.

        Raises:
            GivenRowError: A value is no single value, or a time that its column cannot hold.
        """
        cells = []
        for row, value in enumerate(values, start=first):
            try:
                cells.append(_spelling(value, self))
            except (NotImplementedError, OverflowError, TypeError, ValueError):
                found = repr(value) if isinstance(value, date) else f"a {type(value).__name__}"
                expected = f"a value of {self.column.dtype}"
                raise row_error(place(row, self.name), expected, found) from None
        return string_cells(cells, column=self.name, first=first)


def _spelling(value: Any, speller: Speller) -> str | None:
    """Return a value as a CSV file spells it, None if it is none.

    Raises:
        TypeError: The value is no single value.
        OverflowError: The value is a time that UTC cannot hold.
        ValueError: The same, for other times, or a local time that its zone has never or twice.
    """
    if isinstance(value, str):
        return str(value)  # numpy has its own class of strings
    if is_missing(value):
        return None
    if isinstance(value, Iterable):
        raise TypeError(f"{type(value).__name__} is no single value")
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, date):  # a datetime and a Timestamp of pandas are dates too
        return spell_time(value, speller.column, speller.form)
    if isinstance(value, bool | np.bool_):
        column = speller.column
        if column.dtype == "str":
            text = str(bool(value))
            # pandas makes bools of texts in any of these cases. Files with types have the second.
            spelt = (each for each in (text, text.lower(), text.upper()) if each in speller.known)
            return next(spelt, text.lower())
        true, false = column.spellings()
        if column.dtype != "bool":
            return _number_spelling(int(value), speller)
        return str(int(value)) if column.true is None else (true if value else false)[0]
    return _number_spelling(value, speller)


def _number_spelling(value: Any, speller: Speller) -> str:
    # pandas turns integers into floats if one is missing. So 7.0 stands for 7, unless 7.0 itself
    # means something in this column.
    is_float = isinstance(value, float | np.floating)
    is_whole = is_float and abs(float(value)) < 2**53 and value == int(value)
    texts = [str(value), *([str(int(value))] if is_whole else [])]
    for text in texts:
        if text in speller.known:
            return text
    return speller.form.spell(texts[-1]) if speller.column.reads_numbers() else texts[-1]
