"""The cells of a column, as texts or in the types of a file that has types."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import filled_array, numpy_array, string_array
from shardmill.kinds.cells import Cells
from shardmill.kinds.read_numbers import read_numbers
from shardmill.raw.spell_values import texts_of, without_nan
from shardmill.recipe.tabular_column import Column

# Up to here, a float64 says which whole number it is.
_WHOLE = 2**53


def cells_of(
    column: Column, values: pa.Array, *, missing: tuple[str, ...], is_class: bool = False
) -> Cells:
    """Return the cells [n] of a column as they are compared.

    Numbers, bools and times keep their type where the recipe wants just that. Where it wants
    something else, as a text, they are spelled by `texts_of` and read as those of a CSV file.

    Args:
        column: The column as the recipe describes it.
        values: Its cells, in the type of the file.
        missing: The spellings of a missing cell.
        is_class: Whether the cells name classes, which are compared as texts.
    """
    typed = None if is_class else _typed(column, values)
    if typed is None:
        return Cells.of(texts_of(values), strip=column.strip, missing=missing)
    return Cells(typed, _without(typed, missing))


def _typed(column: Column, values: pa.Array) -> pa.Array | None:
    """Return cells in the type of the column; None if they must be read as texts."""
    types, found = pa.types, values.type
    if column.dtype == "bool":
        return values if types.is_boolean(found) else None
    if column.dtype in ("date", "timestamp"):
        return values if types.is_date(found) or types.is_timestamp(found) else None
    if column.dtype == "str" or not (types.is_integer(found) or types.is_floating(found)):
        return None
    numbers = without_nan(values)
    if column.dtype == "float64":
        return numbers.cast(pa.float64(), safe=False)
    if types.is_integer(found):
        return numbers.cast(pa.int64()) if found != pa.uint64() else None
    return _whole(numbers)


def _whole(numbers: pa.Array) -> pa.Array | None:
    """Return floats [n] as integers; None unless each says which whole number it is."""
    found = numpy_array(filled_array(numbers, 0))
    if not (np.abs(found) < _WHOLE).all() or (found != np.trunc(found)).any():
        return None
    return numbers.cast(pa.int64())


def _without(typed: pa.Array, missing: tuple[str, ...]) -> pa.Array:
    """Return numbers [n], null where one is spelled as a missing cell, such as -999."""
    if not (pa.types.is_integer(typed.type) or pa.types.is_floating(typed.type)):
        return typed
    spelled = [text for text in missing if text.strip()]
    numbers = read_numbers(string_array(spelled), "float64").drop_null()
    if not len(numbers):
        return typed
    marked = pc.is_in(typed.cast(pa.float64(), safe=False), value_set=numbers)
    return pc.if_else(marked, pa.nulls(1, typed.type)[0], typed)
