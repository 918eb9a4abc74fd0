"""Reads times that are numbers: of seconds since 1970, or of days as Excel counts them."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import arrow_array
from shardmill.kinds.read_numbers import plain_numbers, read_numbers
from shardmill.recipe.number_format import NumberFormat

Unit = Literal["s", "ms", "us", "excel"]
_DIGITS = {"s": 6, "ms": 3, "us": 0}  # how many digits of a fraction there are to a microsecond
_WHOLE = 18  # more digits than any of these times has
# Excel counts days from 1, which is 1900-01-01. Its day 60 is 1900-02-29, which there never was.
_NO_DAY, _LAST_DAY = 60, 2_958_465
_EXCEL_ZERO = -25_569  # 1899-12-30, in days since 1970
_MILLISECONDS, _MICROSECONDS = 86_400_000, 86_400_000_000  # in a day


def read_epochs(texts: pa.Array, unit: Unit, form: NumberFormat) -> pa.Array:
    """Return the microseconds since 1970 [n] int64; null for a null and for what is no such time.

    Digits beyond the microsecond are cut. Days of Excel are rounded to milliseconds, as Excel has
    no finer times.

    Args:
        texts: The numbers as texts [n].
        unit: What the numbers count.
        form: How they are written.

    Example:
        >>> read_epochs(pa.array(["1.5", "x"]), "s", NumberFormat()).to_pylist()
        [1500000, None]
    """
    if unit == "excel":
        return _from_excel(read_numbers(texts, "float64", form))
    plain = plain_numbers(texts, "float64", form)
    pattern = rf"^(?P<sign>-?)(?P<whole>\d{{0,{_WHOLE}}})(?:\.(?P<fraction>\d*))?$"
    parts = pc.extract_regex(plain, pattern)  # an exponent is none of these
    digits = _DIGITS[unit]
    fraction = pc.utf8_slice_codeunits(parts.field("fraction"), 0, digits)
    whole, less = (
        _integers(pc.if_else(parts.is_valid(), pc.binary_join_element_wise("0", part, ""), None))
        for part in (parts.field("whole"), pc.utf8_rpad(fraction, digits, "0"))
    )
    with np.errstate(over="ignore"):
        values = whole * 10**digits + less
    fits = np.abs(whole) < 2**62 // 10**digits
    negative = np.asarray(pc.equal(parts.field("sign"), "-").fill_null(False))
    return _with_nulls(np.where(negative, -values, values), fits & np.asarray(parts.is_valid()))


def _integers(texts: pa.Array) -> npt.NDArray[np.int64]:
    return np.asarray(texts.cast(pa.int64()).fill_null(0))


def _from_excel(days: pa.Array) -> pa.Array:
    numbers = np.asarray(days.fill_null(np.nan))
    with np.errstate(invalid="ignore"):
        known = (numbers >= 1) & (numbers < _LAST_DAY + 1)
        known &= ~((numbers >= _NO_DAY) & (numbers < _NO_DAY + 1))
    numbers = np.where(known, numbers, 1)
    milliseconds = np.round(numbers * _MILLISECONDS).astype(np.int64)
    zero = np.where(numbers < _NO_DAY, _EXCEL_ZERO + 1, _EXCEL_ZERO)
    return _with_nulls(zero * _MICROSECONDS + milliseconds * 1000, known)


def _with_nulls(values: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(arrow_array(valid), arrow_array(values), pa.scalar(None, pa.int64()))


def days_of_excel(microseconds: int) -> float:
    """Return the number of days by which Excel writes a time.

    Args:
        microseconds: The microseconds from 1970 to the time.

    Example:
        >>> days_of_excel(0)
        25569.0
    """
    days = microseconds / _MICROSECONDS - _EXCEL_ZERO
    return days if days > _NO_DAY else days - 1
