"""Takes rows that a program gives apart into columns.

A program gives `Preprocessor` rows like those of a raw file, as a list of dicts, a DataFrame or an
Arrow table. They may hold numbers, dates and missing values of Python, numpy or pandas.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
import pyarrow as pa

from shardmill.errors import ColumnsError, GivenRowError
from shardmill.recipe.names import listed


def given_columns(rows: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """Return columns of a list of dicts, a DataFrame or an Arrow table, as lists.

    A key that one dict lacks is a missing cell. A key that all dicts lack is a missing column.

    Args:
        rows: The rows.
        names: The columns to return. Others are left out.

    Raises:
        ColumnsError: A column is missing, or is there twice.
        GivenRowError: The rows are something else.
    """
    if isinstance(rows, list | tuple):
        for row, cells in enumerate(rows):
            if not isinstance(cells, Mapping):
                raise row_error(f"row {row}", "a dict of cells", type(cells).__name__)
        if rows:
            _check_columns({key for row in rows for key in row}, names)
        return {name: [row.get(name) for row in rows] for name in names}
    if isinstance(rows, pa.Table):
        _check_columns(rows.column_names, names)
        return {name: python_values(rows.column(name).to_pylist, column=name) for name in names}
    if not hasattr(rows, "columns"):
        found = type(rows).__name__
        raise row_error("the rows", "a list of rows, a DataFrame or an Arrow table", found)
    _check_columns(rows.columns, names)
    return {name: python_values(rows[name].to_list, column=name) for name in names}


def python_values(to_list: Callable[[], list[Any]], *, column: str) -> list[Any]:
    """Return what a column's method gives that makes a list of its values.

    Raises:
        GivenRowError: A value is a time that Python does not have.
    """
    try:
        return to_list()
    except (NotImplementedError, OverflowError, ValueError):
        found = "one that Python cannot hold"
        raise row_error(f"column {column}", "times of the years 1 to 9999", found) from None


def given_texts(values: Sequence[Any], *, column: str = "", first: int = 0) -> pa.Array:
    """Return texts [n] as a string array.

    Args:
        values: The texts.
        column: The column that they stand in, for errors.
        first: The number of the first row, for errors.

    Raises:
        GivenRowError: A value is no text, or is no Unicode.
    """
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise row_error(place(first + row, column), "a text", repr(value))
    return string_cells(values, column=column, first=first)


def string_cells(cells: Sequence[str | None], *, column: str, first: int = 0) -> pa.Array:
    """Return cells [n] as a string array, null where a cell is None.

    Raises:
        GivenRowError: A cell holds half of a surrogate pair, which is no character of Unicode.
    """
    try:
        return pa.array(cells, pa.string())
    except UnicodeEncodeError:
        row = next(row for row, cell in enumerate(cells) if not _is_unicode(cell))
        found = ascii(cells[row])
        raise row_error(place(first + row, column), "characters of Unicode", found) from None


def is_missing(value: Any) -> bool:
    """Say whether a value is None, NaN, or pandas' NA or NaT."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Number | np.datetime64) and bool(value != value)


def place(row: int, column: str) -> str:
    """Return in words where a cell stands; without a column, where a row stands."""
    return f"row {row}, column {column}" if column else f"row {row}"


def row_error(where: str, expected: str, found: str) -> GivenRowError:
    """Return the error for a row that is not like those of the raw files."""
    fix = "give rows like those of the raw files"
    return GivenRowError(where, expected=expected, found=found, fix=fix)


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


def _is_unicode(cell: str | None) -> bool:
    return cell is None or not any("\ud800" <= character <= "\udfff" for character in cell)
