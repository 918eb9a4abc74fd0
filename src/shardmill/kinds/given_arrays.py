"""Says which typed columns that a program gives can stay as they are.

`Preprocessor` spells each value that a program gives, and reads it as the cell of a CSV file. That
takes about a microsecond a value. Here are the types for which a build that takes whole columns
gets the same. Wherever the two might differ, the values must be spelled.
"""

import math

import pyarrow as pa
import pyarrow.compute as pc

from shardmill.kinds.tabular_given import Speller
from shardmill.raw.spell_values import without_nan
from shardmill.recipe.number_format import PLAIN_NUMBERS

_NUMBERS = ("int64", "float64")
_TIMES = ("date", "timestamp")
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # the years 1 to 9999, in seconds from 1970
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def as_given(speller: Speller, values: pa.Array, *, is_label: bool = False) -> pa.Array | None:
    """Return a column [n] that a build reads as `speller` reads its values; None if there is none.

    Args:
        speller: What spells the values of the column.
        values: The values [n], in any type but a dictionary.
        is_label: Whether the cells are the labels of classes, whatever the dtype of the column.

    Example:
        >>> from shardmill.recipe.tabular_column import Column
        >>> column = Column(dtype="str", categories="learn")
        >>> speller = Speller("c", column, PLAIN_NUMBERS, frozenset(), frozenset(["True"]))
        >>> as_given(speller, pa.array([7, None])).to_pylist()
        [7, None]
        >>> as_given(speller, pa.array([True, None])) is None
        True
    """
    types, found = pa.types, values.type
    texts = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    if any(is_one(found) for is_one in texts):
        return values.cast(pa.string())
    dtype = "" if is_label else speller.column.dtype
    if types.is_integer(found) or types.is_floating(found):
        return _numbers(speller, values, dtype)
    if types.is_boolean(found):
        return values if _keeps_bools(speller, dtype) else None
    if types.is_date(found) or types.is_timestamp(found):
        return _times(speller, values, dtype)
    if types.is_decimal(found) and dtype == "float64":
        return values if _is_plain(speller) and not _numbers_are_missing(speller) else None
    return None


def _numbers(speller: Speller, values: pa.Array, dtype: str) -> pa.Array | None:
    is_float = pa.types.is_floating(values.type)
    if dtype in _NUMBERS:
        # One such value that is no int64 has a build read all cells as texts.
        may_be_read = dtype == "int64" and (is_float or values.type == pa.uint64())
        if _numbers_are_missing(speller) or (may_be_read and not _is_plain(speller)):
            return None
        return without_nan(values.cast(pa.float64())) if is_float else values
    if dtype and speller.column.reads_numbers() and not _is_plain(speller):
        return None
    # A program's 7.0 is the text 7.0 if the recipe knows that, and Python has no float of 32 bits.
    if is_float and (values.type != pa.float64() or any(t.endswith(".0") for t in speller.known)):
        return None
    return without_nan(values)


def _keeps_bools(speller: Speller, dtype: str) -> bool:
    if dtype == "bool":
        true, false = speller.column.spellings()
        return speller.missing.isdisjoint([*true, *false])
    # Otherwise they are `true` and `false`, unless the recipe knows them as Python spells them.
    return dtype in ("", "str") and speller.known.isdisjoint(["True", "False", "TRUE", "FALSE"])


def _times(speller: Speller, values: pa.Array, dtype: str) -> pa.Array | None:
    column = speller.column
    is_written = column.format is not None or column.unit is not None
    if dtype not in _TIMES or is_written or any(map(_has_digit, speller.missing)):
        return None
    if pa.types.is_date(values.type):
        return values.cast(pa.date32())
    if dtype == "date":  # the time of day would be left out without a word
        return None
    ends = pc.min_max(values.cast(pa.int64()))
    low, high = (ends[key].as_py() or 0 for key in ("min", "max"))
    if low < _FIRST * _PER_SECOND[values.type.unit] or high > _LAST * _PER_SECOND[values.type.unit]:
        return None
    if values.type.unit == "ns":
        values = pc.floor_temporal(values, unit="microsecond")
    return values.cast(pa.timestamp("us", values.type.tz))


def _is_plain(speller: Speller) -> bool:
    return speller.form == PLAIN_NUMBERS


def _numbers_are_missing(speller: Speller) -> bool:
    return any(_has_digit(text) or _is_infinite(text) for text in speller.missing)


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _is_infinite(text: str) -> bool:
    try:
        return math.isinf(float(text))
    except ValueError:
        return False
