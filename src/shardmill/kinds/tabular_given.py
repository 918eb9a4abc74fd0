"""Spells cells that a program gives as a CSV file spells them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from shardmill.kinds.given_rows import given_columns, is_missing, place, row_error, string_cells
from shardmill.kinds.spell_times import spell_time
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.tabular_recipe import TabularRecipe


def given_cells(recipe: TabularRecipe, rows: Any) -> pa.Table:
    """Return the feature columns of rows as strings, null where a row has no value.

    Args:
        recipe: The recipe of the table.
        rows: A list of dicts, a DataFrame or an Arrow table.

    Raises:
        ColumnsError: A column is missing, or is there twice.
        GivenRowError: A cell is no single value, or the rows are something else.
    """
    columns = given_columns(rows, recipe.features())
    return pa.table({name: _cells(recipe, name, cells) for name, cells in columns.items()})


def _cells(recipe: TabularRecipe, name: str, values: Sequence[Any]) -> pa.Array:
    """Return cells [n] as a CSV file spells them, null where there is no value."""
    column, form = recipe.columns[name], recipe.number_format(name)
    cells = []
    for row, value in enumerate(values):
        try:
            cells.append(_spelling(value, column, form))
        except (OverflowError, TypeError, ValueError):
            found = repr(value) if isinstance(value, date) else f"a {type(value).__name__}"
            expected = f"a value of {column.dtype}"
            raise row_error(place(row, name), expected, found) from None
    return string_cells(cells, column=name)


def _spelling(value: Any, column: Column, form: NumberFormat) -> str | None:
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
        return spell_time(value, column, form)
    if isinstance(value, bool | np.bool_):
        if column.dtype == "str":
            return str(bool(value))
        true, false = column.spellings()
        if column.dtype != "bool":
            return _number_spelling(int(value), column, form)
        return str(int(value)) if column.true is None else (true if value else false)[0]
    return _number_spelling(value, column, form)


def _number_spelling(value: Any, column: Column, form: NumberFormat) -> str:
    if isinstance(value, float | np.floating) and abs(float(value)) < 2**53 and value == int(value):
        value = int(value)  # pandas turns integers into floats if one is missing
    return form.spell(str(value)) if column.reads_numbers() else str(value)
