"""Rows as a program has them, to the Arrow tables that raw files give.

What `Preprocessor` is called with looks like the rows of a raw file, but may hold numbers, dates
and missing values as Python, numpy or pandas have them.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from shardmill.errors import ColumnsError, InputError
from shardmill.kinds.image import image_table
from shardmill.kinds.row import Array
from shardmill.layout import Field
from shardmill.tabular_column import Column
from shardmill.tabular_recipe import TabularRecipe
from shardmill.text_recipe import TextRecipe


def raw_cells(recipe: TabularRecipe, rows: Any) -> pa.Table:
    """Return the feature columns of a list of dicts, a DataFrame or an Arrow table, as strings.

    Raises:
        ColumnsError: a column is missing.
        InputError: the rows are something else.
    """
    if isinstance(rows, list | tuple):
        # A key that a row does not have is a missing cell; one that no row has is a slip.
        _check_columns({key for row in rows for key in row}, recipe.features())
        columns = {n: [row.get(n) for row in rows] for n in recipe.features()}
    else:
        columns = _columns(rows, recipe.features())
    return pa.table(
        {
            name: pa.array([_cell(v, recipe, name) for v in cells], pa.string())
            for name, cells in columns.items()
        }
    )


def raw_texts(recipe: TextRecipe, rows: Any) -> pa.Table:
    """Return the columns that the recipe joins, of a list of texts, a DataFrame or a table.

    Raises:
        ColumnsError: a column is missing.
        InputError: a cell is no text, or the rows are something else.
    """
    names = recipe.text.join
    if isinstance(rows, list | tuple):
        # A text stands for all columns that are joined; the empty ones add spaces alone.
        columns = {names[0]: rows, **dict.fromkeys(names[1:], [""] * len(rows))}
    else:
        columns = {n: [v or "" for v in c] for n, c in _columns(rows, names).items()}
    for name, cells in columns.items():
        for row, cell in enumerate(cells):
            if not isinstance(cell, str):
                raise _row_error(f"row {row}, {name}", "a text", repr(cell))
    return pa.table({n: pa.array(cells, pa.string()) for n, cells in columns.items()})


def raw_images(field: Field, rows: Array) -> pa.Table:
    """Return images [n, h, w] or [n, *shape] as a table, for an artifact whose `x` is `field`.

    Raises:
        InputError: they have another shape or dtype.
    """
    shapes = [field.shape]
    if len(field.shape) == 3 and field.shape[0] == 1:
        shapes.append(field.shape[1:])  # [h, w] of [1, h, w]
    if rows.shape[1:] not in shapes or rows.dtype != field.dtype:
        expected = " or ".join(f"[n, {', '.join(map(str, shape))}]" for shape in shapes)
        found = f"{rows.dtype} of shape {list(rows.shape)}"
        raise _row_error("the rows", f"{field.dtype} of shape {expected}", found)
    return image_table(rows)


def _columns(rows: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """Return columns of a DataFrame or an Arrow table as lists."""
    if not isinstance(rows, pa.Table):
        if not hasattr(rows, "columns"):
            found = type(rows).__name__
            raise _row_error("the rows", "a list of rows, a DataFrame or an Arrow table", found)
        rows = pa.Table.from_pandas(rows, preserve_index=False)
    _check_columns(rows.column_names, names)
    return {name: rows.column(name).to_pylist() for name in names}


def _check_columns(found: Collection[str], names: Sequence[str]) -> None:
    absent = [name for name in names if name not in found]
    if absent:
        raise ColumnsError(
            "the rows",
            expected=f"the columns {', '.join(names)}",
            found=f"no {', '.join(absent)}",
            fix="add the columns, or rename them",
        )


def _cell(value: Any, recipe: TabularRecipe, name: str) -> str | None:
    """Return a cell as a CSV file spells it; None if it is missing."""
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None  # pandas writes a missing value as NA, NaT or NaN
    column = recipe.columns[name]
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, date):  # and a datetime, and pandas' Timestamp, which are dates too
        return _time_cell(value, column)
    if value in recipe.csv.missing:
        return None
    if isinstance(value, bool | np.bool_):
        true, false = column.spellings()
        return str(int(value)) if column.true is None else (true if value else false)[0]
    if isinstance(value, float | np.floating) and abs(float(value)) < 2**53 and value == int(value):
        return str(int(value))  # pandas makes floats of integers when one of them is missing
    return str(value)


def _time_cell(value: date, column: Column) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is not None and column.dtype == "date":
            value = value.astimezone(UTC).replace(tzinfo=None)
        midnight = not (value.hour or value.minute or value.second or value.microsecond)
        if column.dtype == "date" and midnight:
            value = value.date()
    return value.isoformat() if column.format is None else value.strftime(column.format)


def _row_error(where: str, expected: str, found: str) -> InputError:
    return InputError(where, expected=expected, found=found, fix="give rows like the raw files'")
