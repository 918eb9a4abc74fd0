"""Rows as a program has them, to the Arrow tables that raw files give.

What `Preprocessor` is called with looks like the rows of a raw file, but may hold numbers, dates
and missing values as Python, numpy or pandas have them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from numbers import Number
from typing import Any

import numpy as np
import pyarrow as pa

from shardmill.errors import ColumnsError, InputError
from shardmill.format.layout import Field
from shardmill.kinds.image import image_table
from shardmill.kinds.row import Array
from shardmill.kinds.text import join_columns
from shardmill.recipe.tables import listed
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe


def raw_cells(recipe: TabularRecipe, rows: Any) -> pa.Table:
    """Return the feature columns of a list of dicts, a DataFrame or an Arrow table, as strings.

    Raises:
        ColumnsError: a column is missing, or there twice.
        InputError: a cell is no single value, or the rows are something else.
    """
    columns = _columns(rows, recipe.features())
    return pa.table({name: _cells(recipe, name, cells) for name, cells in columns.items()})


def raw_texts(recipe: TextRecipe, rows: Any) -> pa.Array:
    """Return texts [n], each all columns that the recipe joins, as strings.

    Of a list they are its texts as they are; of a DataFrame or a table the columns are joined.

    Raises:
        ColumnsError: a column is missing, or there twice.
        InputError: a cell is no text, or the rows are something else.
    """
    if isinstance(rows, list | tuple):
        return _texts("", rows)
    columns = {
        name: _texts(name, ["" if _is_missing(v) else v for v in cells])
        for name, cells in _columns(rows, recipe.text.join).items()
    }
    return join_columns(recipe, pa.table(columns))


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
    """Return columns of a list of dicts, a DataFrame or an Arrow table as lists."""
    if isinstance(rows, list | tuple):
        for row, cells in enumerate(rows):
            if not isinstance(cells, Mapping):
                raise _row_error(f"row {row}", "a dict of cells", type(cells).__name__)
        # A key that a row does not have is a missing cell; one that no row has is a slip.
        if rows:
            _check_columns({key for row in rows for key in row}, names)
        return {name: [row.get(name) for row in rows] for name in names}
    if isinstance(rows, pa.Table):
        _check_columns(rows.column_names, names)
        return {name: rows.column(name).to_pylist() for name in names}
    if not hasattr(rows, "columns"):
        found = type(rows).__name__
        raise _row_error("the rows", "a list of rows, a DataFrame or an Arrow table", found)
    _check_columns(rows.columns, names)
    return {name: rows[name].to_list() for name in names}


def _check_columns(found: Iterable[str], names: Sequence[str]) -> None:
    times = Counter(found)
    absent = [name for name in names if not times[name]]
    twice = [name for name in names if times[name] > 1]
    if absent or twice:
        raise ColumnsError(
            "the rows",
            expected=f"the columns {listed(names)}, each once",
            found=f"no {listed(absent)}" if absent else f"{listed(twice)} twice",
            fix="add the columns, or rename them",
        )


def _cells(recipe: TabularRecipe, name: str, values: Sequence[Any]) -> pa.Array:
    """Return cells [n] as a CSV file spells them, null where missing."""
    column, missing = recipe.columns[name], recipe.csv.missing
    cells = []
    for row, value in enumerate(values):
        try:
            cell = _spelling(value, column)
        except (OverflowError, TypeError, ValueError):
            found = repr(value) if isinstance(value, date) else f"a {type(value).__name__}"
            expected = f"a value of {column.dtype}"
            raise _row_error(_place(row, name), expected, found) from None
        cells.append(None if cell in missing else cell)
    return _strings(name, cells)


def _texts(name: str, values: Sequence[Any]) -> pa.Array:
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise _row_error(_place(row, name), "a text", repr(value))
    return _strings(name, values)


def _strings(name: str, cells: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(cells, pa.string())
    except UnicodeEncodeError:
        row = next(row for row, cell in enumerate(cells) if not _is_unicode(cell))
        raise _row_error(_place(row, name), "characters of Unicode", ascii(cells[row])) from None


def _is_unicode(cell: str | None) -> bool:
    return cell is None or not any("\ud800" <= character <= "\udfff" for character in cell)


def _place(row: int, name: str) -> str:
    return f"row {row}, column {name}" if name else f"row {row}"


def _is_missing(value: Any) -> bool:
    # pandas writes a missing value as NA, NaT or NaN.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Number | np.datetime64) and bool(value != value)


def _spelling(value: Any, column: Column) -> str | None:
    """Return a value as a CSV file spells it, None if it is missing.

    Raises:
        TypeError: it is no single value.
        OverflowError, ValueError: a time that UTC has no room for.
    """
    if isinstance(value, str):
        return str(value)  # numpy has strings of its own
    if _is_missing(value):
        return None
    if isinstance(value, Iterable):
        raise TypeError(f"{type(value).__name__} is no single value")
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, date):  # and a datetime, and pandas' Timestamp, which are dates too
        return _time_spelling(value, column)
    if isinstance(value, bool | np.bool_):
        if column.dtype == "str":
            return str(bool(value))
        true, false = column.spellings()
        return str(int(value)) if column.true is None else (true if value else false)[0]
    if isinstance(value, float | np.floating) and abs(float(value)) < 2**53 and value == int(value):
        return str(int(value))  # pandas makes floats of integers when one of them is missing
    return str(value)


def _time_spelling(value: date, column: Column) -> str:
    written = column.format
    zoned = written is not None and ("%z" in written or "%Z" in written)
    if not isinstance(value, datetime) and (zoned or column.dtype == "timestamp"):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        # As the cells of a file are read: in UTC, which a time without an offset is in already.
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if not zoned:
            value = value.replace(tzinfo=None)
        midnight = not (value.hour or value.minute or value.second or value.microsecond)
        if column.dtype == "date" and midnight and written is None:
            value = value.date()
    return value.isoformat() if written is None else value.strftime(written)


def _row_error(where: str, expected: str, found: str) -> InputError:
    return InputError(where, expected=expected, found=found, fix="give rows like the raw files'")
