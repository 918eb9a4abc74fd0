"""Sums floats exactly, so that neither their order nor how they were grouped matters.

Vectors of floats are split into parts whose sums have no rounding error ("extraction of vectors",
algorithm 3.2 of Rump, Ogita and Oishi, Accurate floating-point summation part I, SIAM Journal on
Scientific Computing 31(1), 2008). These sums are added up as integers.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# An exact sum is an integer of so many units to 1. Every float is a whole number of them.
UNITS = 2**1074

# So many floats are summed at a time. They stay in the cache of a core.
_PIECE = 2**13
_PIECE_BITS = 14  # a power of two that is at least two larger than the number of floats
# Larger floats are whole numbers. Python sums them, since a step below would overflow.
_LARGE = 2.0**990
_LOW_BITS = np.int64(2**27 - 1)
_TIMES_BITS = 26  # a float of 27 bits, so many times, fits the 53 bits of a float


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
