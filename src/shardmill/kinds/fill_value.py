"""Finds the value that is put in place of the missing ones of a column."""

import numpy as np
import pyarrow as pa

from shardmill.errors import ValueFormatError
from shardmill.format.arrow_arrays import string_array
from shardmill.kinds.cells import Cells
from shardmill.kinds.column_numbers import ColumnNumbers, mean_of
from shardmill.kinds.row import RowFault
from shardmill.kinds.tabular_clean import ARROW_TYPES, CellReader
from shardmill.kinds.tabular_encode import cell_numbers
from shardmill.kinds.value_counts import Counts
from shardmill.recipe.tabular_column import Column


def fill_of_numbers(name: str, column: Column, numbers: ColumnNumbers) -> int | float | None:
    """Return the number to fill in, in the unit of `cell_numbers`; None if there is none.

    Raises:
        RowFault: There is no number to impute from.
    """
    if column.missing == "constant":
        return constant_of(name, column)
    if column.missing not in ("median", "mean", "mode"):
        return None
    if not numbers.totals.rows:
        raise wrong_numbers(name, "at least one value to impute from", "none")
    if column.missing == "mode":
        assert numbers.values is not None  # noqa: S101  such columns are counted
        assert numbers.times is not None  # noqa: S101
        number = numbers.values[int(np.argmax(numbers.times))]  # the first of the most frequent
        # A float cannot hold every int64.
        return int(number) if column.dtype == "int64" else float(number)
    if column.missing == "median":
        assert numbers.middle is not None  # noqa: S101  there are numbers
        return float(numbers.middle.mean())
    mean = mean_of(numbers.totals)
    if mean is None:
        raise too_large_to_impute(name)
    return mean


def fill_of_texts(name: str, column: Column, counts: Counts) -> str | None:
    """Return the text to fill in; None if there is none.

    Args:
        name: The name of the column.
        column: The column as the recipe describes it.
        counts: How often each distinct text occurs, in ascending order.

    Raises:
        RowFault: There is no text to impute from.
    """
    if column.missing == "constant":
        return str(column.fill)
    if column.missing != "mode":
        return None
    if not len(counts.values):
        raise wrong_numbers(name, "at least one value to impute from", "none")
    # The first of the most frequent.
    return str(counts.values[int(np.argmax(counts.times))])


def constant_of(name: str, column: Column) -> int | float:
    """Return the number that is filled in as a constant, in the unit of `cell_numbers`.

    Raises:
        RowFault: The constant is no value of the column.
    """
    if not isinstance(column.fill, str) and column.unit is None:
        number = column.fill or 0
        return int(number) if column.dtype == "int64" else float(number)
    reader = CellReader(name, column)
    cell = reader.read(Cells.of(string_array([str(column.fill)])))
    for fault in reader.faults:
        raise fault
    cells = pa.chunked_array([cell], ARROW_TYPES[column.dtype])
    return float(cell_numbers(column, cells)[0])


def too_large_to_impute(name: str) -> RowFault:
    """Return the fault for a column whose numbers are too large for a mean."""
    return wrong_numbers(name, "numbers that float64 can hold the squares of", "others")


def wrong_numbers(name: str, expected: str, found: str) -> RowFault:
    """Return the fault for a column whose values as a whole do not do."""
    fix = f"correct the file, or columns.{name} of the recipe"
    return RowFault(0, name, ValueFormatError, expected=expected, found=found, fix=fix)
