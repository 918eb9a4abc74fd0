"""Turns typed columns into the numbers of `x`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.errors import UnknownCategoryError
from shardmill.format.arrow_arrays import filled_array, numpy_array, single_array, string_array
from shardmill.format.manifest import Statistics
from shardmill.kinds.row import RowFault
from shardmill.recipe.names import listed
from shardmill.recipe.tabular_column import MISSING, UNKNOWN, Column

_MICROSECONDS = 1e6  # in a second


def cell_numbers(column: Column, cells: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """Return the numbers [n] of a cleaned column: int64 for int64 without nulls, else float64.

    A bool is 0 or 1, a date is a number of days and a timestamp a number of seconds since the start
    of 1970. A missing value is NaN. If parts are taken from timestamps and none may be missing,
    they are microseconds in int64.
    """
    cells = single_array(cells)
    exact = column.dtype == "timestamp" and column.parts and column.missing in ("error", "drop")
    if column.dtype == "float64":
        return numpy_array(filled_array(cells, np.nan))
    if column.dtype == "date":
        cells = cells.cast(pa.int32())
    elif column.dtype == "timestamp":
        cells = cells.cast(pa.int64())
    values = numpy_array(filled_array(cells, 0))
    if exact or (column.dtype == "int64" and not cells.null_count):
        return values
    # Whole numbers become floats too, since another chunk may have missing values.
    numbers = values.astype(np.float64)
    if cells.null_count:
        numbers[numpy_array(cells.is_null())] = np.nan
    return numbers / _MICROSECONDS if column.dtype == "timestamp" else numbers


def feature_names(name: str, column: Column, facts: Statistics) -> tuple[str, ...]:
    """Return the names of the features that are made from a column."""
    if column.parts:
        return tuple(f"{name}.{part}" for part in column.parts)
    if column.encode == "one_hot":
        return tuple(f"{name}={level}" for level in facts.categories or ())
    return (name,)


def encode_cells(
    name: str, column: Column, facts: Statistics, cells: pa.Array | pa.ChunkedArray
) -> npt.NDArray[Any]:
    """Return the features [features, n] of the cells of a cleaned column.

    They are int64 if all are whole. Otherwise they are float64, with NaN for a value that is
    missing and kept.

    Raises:
        RowFault: A value is no category, and the recipe has no level for such values.
    """
    if column.dtype == "str":
        return _encode_texts(name, column, facts, single_array(cells))
    if column.dtype == "int64" and column.is_whole() and facts.fill is not None:
        # Beside missing values there would be floats, which cannot hold every int64.
        cells = filled_array(cells, int(facts.fill))
    return encode_numbers(column, facts, cell_numbers(column, cells))


def _encode_texts(
    name: str, column: Column, facts: Statistics, texts: pa.Array
) -> npt.NDArray[Any]:
    if column.map is not None:
        fill = None if facts.fill is None else str(facts.fill)
        filled = np.nan if fill is None else column.map.get(fill, np.nan)
        return _look_up(texts, column.map, missing=filled, unseen=np.nan)[None]
    categories = facts.categories or ()
    indices = category_indices(name, categories, texts, fill=facts.fill)
    if column.encode == "one_hot":
        return np.equal(indices, np.arange(len(categories))[:, None]).astype(np.int64)
    return indices[None]


def encode_numbers(column: Column, facts: Statistics, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the features [features, n] of numbers from `cell_numbers`, see `encode_cells`."""
    if facts.fill is not None and values.dtype == np.float64:
        missing = np.isnan(values)
        if missing.any():
            values = np.where(missing, float(facts.fill), values)
    if column.parts:
        from shardmill.kinds.time_parts import parts_of_times  # imports pandas

        return parts_of_times(column, values)
    if facts.offset is not None and facts.divisor is not None:
        with np.errstate(over="ignore"):
            values = (values - facts.offset) / facts.divisor
    return values[None]


def category_indices(
    name: str,
    categories: tuple[str, ...],
    texts: pa.Array,
    *,
    fill: float | str | None = None,
) -> npt.NDArray[np.int64]:
    """Return the number [n] of each text among `categories`.

    Args:
        name: The column, for the fault.
        categories: The levels of the column, in the order of their numbers.
        texts: The texts [n]. Missing ones are null.
        fill: The text that stands for missing ones, if there is one.

    Raises:
        RowFault: A value is no category, and the recipe has no level for such values.
    """
    # The levels for missing and unknown values come first, and a text that is spelt so means them.
    numbers = {level: number for number, level in reversed(list(enumerate(categories)))}
    unseen = numbers.get(UNKNOWN, -1)
    missing = numbers.get(MISSING, -1) if fill is None else numbers.get(str(fill), unseen)
    indices = _look_up(texts, numbers, missing=missing, unseen=unseen)
    if len(indices) and indices.min() < 0:
        row = int(np.argmin(indices))
        raise RowFault(
            row,
            name,
            UnknownCategoryError,
            expected=f"one of {listed(categories)}",
            found=repr(texts[row].as_py() if texts[row].is_valid else fill),
            fix=f'correct the file, or set columns.{name}.unseen = "unknown" in the recipe',
        )
    return indices


def _look_up(
    texts: pa.Array, numbers: Mapping[str, float], *, missing: float, unseen: float
) -> npt.NDArray[Any]:
    found = pc.index_in(texts, value_set=string_array(tuple(numbers)))
    # NaN would make floats of integers, so each of both is added only if it is needed.
    known, rows = list(numbers.values()), found
    if found.null_count:
        known.append(missing)
        rows = filled_array(found, len(numbers))
    places = numpy_array(rows)
    if found.null_count > texts.null_count:
        known.append(unseen)
        places = places + numpy_array(pc.and_(found.is_null(), texts.is_valid()))
    looked_up: npt.NDArray[Any] = np.array(known)[places]
    return looked_up
