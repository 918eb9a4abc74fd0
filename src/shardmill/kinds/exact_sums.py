"""Sums floats exactly, so that neither their order nor how they were grouped matters.

Vectors of floats are split into parts whose sums have no rounding error ("extraction of vectors",
algorithm 3.2 of Rump, Ogita and Oishi, Accurate floating-point summation part I, SIAM Journal on
Scientific Computing 31(1), 2008). These sums are added up as integers.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.signedinteger[Any]]

# An exact sum is an integer of so many units to 1. Every float is a whole number of them.
UNITS = 2**1074

# So many floats are summed at a time. They stay in the cache of a core.
_PIECE = 2**13
_PIECE_BITS = 14  # a power of two that is at least two larger than the number of floats
# Larger floats are whole numbers. Python sums them, since a step below would overflow.
_LARGE = 2.0**990
_LOW_BITS = np.int64(2**27 - 1)
_TIMES_BITS = 26  # a float of 27 bits, so many times, fits the 53 bits of a float
# No bit of the square of a float from 2^-400 to 2^400 is beyond those of floats. Other floats are
# multiplied by 2^600 or 2^-600 first.
_MODERATE_BITS, _SCALE_BITS = 400, 600
_SPLITTER = 2.0**27 + 1
_HALF_BITS = 32


def exact_sum(values: Floats) -> int:
    """Return the sum of finite floats [n], in units of 2^-1074.

    Example:
        >>> exact_sum(np.array([1e100, 1.0, -1e100])) / UNITS
        1.0
    """
    total = 0
    for start in range(0, len(values), _PIECE):
        total += _piece_sum(values[start : start + _PIECE])
    return total


def _piece_sum(values: Floats) -> int:
    largest = float(np.abs(values).max())
    if largest >= _LARGE:
        is_large = np.abs(values) >= _LARGE
        whole = sum(map(int, values[is_large].tolist())) * UNITS
        return whole + exact_sum(values[~is_large])
    total = 0
    while largest:
        # Each part is a multiple of an ulp of `step`, and so few of them are that small that no
        # sum of them is rounded.
        step = math.ldexp(1.0, math.frexp(largest)[1] + _PIECE_BITS)
        parts = (values + step) - step
        total += units(float(parts.sum()))
        values = values - parts
        largest = float(np.abs(values).max())
    return total


def exact_weighted_sum(values: Floats, times: npt.NDArray[np.int64]) -> int:
    """Return the sum of finite floats [n] that occur `times` [n], in units of 2^-1074."""
    is_large = np.abs(values) >= _LARGE
    if is_large.any():
        pairs = zip(values[is_large].tolist(), times[is_large].tolist(), strict=True)
        whole: int = sum(int(value) * count for value, count in pairs) * UNITS
        return whole + exact_weighted_sum(values[~is_large], times[~is_large])
    high = (values.view(np.int64) & ~_LOW_BITS).view(np.float64)
    total = 0
    for bits in range(0, int(times.max(initial=0)).bit_length(), _TIMES_BITS):
        some = ((times >> bits) & (2**_TIMES_BITS - 1)).astype(np.float64)
        if some.any():
            total += (exact_sum(high * some) + exact_sum((values - high) * some)) << bits
    return total


def exact_squares(values: Floats) -> Fraction:
    """Return the sum of the squares of finite floats [n], of which none is rounded.

    Example:
        >>> exact_squares(np.array([3.0, 1e200])) == 9 + int(1e200) ** 2
        True
    """
    total = Fraction(0)
    for start in range(0, len(values), _PIECE):
        piece = values[start : start + _PIECE]
        sizes = np.abs(piece)
        is_small, is_large = sizes < 2.0**-_MODERATE_BITS, sizes >= 2.0**_MODERATE_BITS
        scaled = {_SCALE_BITS: is_small, -_SCALE_BITS: is_large, 0: ~(is_small | is_large)}
        for bits, is_in in scaled.items():
            if is_in.any():
                squares_of = _square_sum(np.ldexp(piece[is_in], bits))
                total += squares_of / Fraction(4) ** bits
    return total / UNITS


def _square_sum(values: Floats) -> int:
    """Return the sum of the squares of moderate floats [n], in units of 2^-1074.

    What a square is rounded by is a float, too (Dekker, A floating-point technique for extending
    the available precision, Numerische Mathematik 18, 1971).
    """
    products = values * values
    high = values * _SPLITTER
    high -= high - values
    low = values - high
    errors = ((high * high - products) + 2 * (high * low)) + low * low
    return exact_sum(products) + exact_sum(errors)


def integer_sums(values: Integers) -> tuple[int, int]:
    """Return the sum of integers [n] of at most 64 bits, and the sum of their squares.

    Example:
        >>> integer_sums(np.array([-(2**63), 3])) == (3 - 2**63, 9 + 2**126)
        True
    """
    total, of_squares = 0, 0
    for start in range(0, len(values), _PIECE):
        whole = values[start : start + _PIECE].astype(np.int64)
        high, low = whole >> _HALF_BITS, whole & (2**_HALF_BITS - 1)
        total += (int(high.sum()) << _HALF_BITS) + int(low.sum())
        of_squares += _wide_sum(high * high) << 2 * _HALF_BITS
        of_squares += _wide_sum(high * low) << _HALF_BITS + 1
        of_squares += _wide_sum(np.square(low.astype(np.uint64)))
    return total, of_squares


def _wide_sum(values: npt.NDArray[Any]) -> int:
    """Return the sum of integers [n] of 64 bits, of which there are few."""
    high, low = values >> _HALF_BITS, values & (2**_HALF_BITS - 1)
    return (int(high.sum()) << _HALF_BITS) + int(low.sum())


def units(value: float) -> int:
    """Return a finite float in units of 2^-1074.

    Example:
        >>> units(1.5) == 3 * UNITS // 2
        True
    """
    numerator, denominator = value.as_integer_ratio()
    whole: int = numerator * (UNITS // denominator)
    return whole


def to_float(total: int) -> float:
    """Return an exact sum as the nearest float.

    Raises:
        OverflowError: No float is so large.
    """
    return total / UNITS


def squares(values: Floats, mean: float, times: npt.NDArray[Any] | None = None) -> int:
    """Return the sum of squared differences of floats [n] from their mean, in units of 2^-1074.

    Differences and squares are rounded as floats are. Their sum is exact.

    Args:
        values: The floats.
        mean: Their mean.
        times: How often each of them occurs; None for once.

    Raises:
        OverflowError: A square is too large for a float.
    """
    if times is not None:
        return exact_weighted_sum(_squared(values - mean), times)
    pieces = (values[start : start + _PIECE] for start in range(0, len(values), _PIECE))
    return sum(_piece_sum(_squared(piece - mean)) for piece in pieces)


def _squared(differences: Floats) -> Floats:
    with np.errstate(over="ignore"):
        found = np.multiply(differences, differences, out=differences)
    if not np.isfinite(found).all():
        raise OverflowError("a square is too large")
    return found
