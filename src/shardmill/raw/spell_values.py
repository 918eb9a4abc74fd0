"""Spells the typed values of a column as texts.

A CSV file holds texts alone. Files with types hold numbers, dates and more. Where a text is needed,
as for the name of a class, a typed value is spelled in one way, whatever format it comes from.
"""

import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import numpy_array, single_array, string_array

# Up to here, every whole number is a float64.
_WHOLE = 2.0**53


def texts_of(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the values [n] of a column as strings. A null stays null, and NaN becomes null.

    A whole number has neither a point nor zeros after it, even if the column holds floats: pandas
    makes floats of integers if one is missing. Other floats have as few digits as tell them apart.
    Bools are `true` and `false`. Dates and times are in ISO 8601.

    Args:
        values: Numbers, strings, bools, dates, timestamps or decimals.

    Example:
        >>> texts_of(pa.array([7.0, 0.5, None])).to_pylist()
        ['7', '0.5', None]
    """
    array = single_array(values)
    if pa.types.is_string(array.type):
        return array
    if not pa.types.is_floating(array.type):
        return array.cast(pa.string())
    found = without_nan(array).dictionary_encode()
    texts = []
    for value in numpy_array(found.dictionary):
        is_whole = abs(value) < _WHOLE and value == int(value)
        texts.append(str(int(value)) if is_whole else str(value))
    return string_array(texts).take(found.indices)


def texts_without_null(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return what `texts_of` does, with the empty text in place of each null."""
    texts = texts_of(values)
    # To make a scalar, Arrow imports pandas, and texts of CSV files have no nulls.
    return texts.fill_null("") if texts.null_count else texts


def without_nan(values: pa.Array) -> pa.Array:
    """Return numbers [n], null where one is NaN: both stand for a missing value."""
    if not pa.types.is_floating(values.type):
        return values
    return pc.if_else(pc.is_nan(values), pa.nulls(1, values.type)[0], values)
