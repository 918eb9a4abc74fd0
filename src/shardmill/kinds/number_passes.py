"""Looks at the numbers of cleaned rows in passes, in memory that does not grow with the rows.

A pass goes through all row groups of some Parquet files, each file in any process. What it finds is
added up. Nothing of it depends on which rows come together, since sums are exact.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.format.manifest import Statistics
from shardmill.kinds.exact_sums import exact_sum, squares
from shardmill.kinds.tabular_encode import cell_numbers, encode_numbers
from shardmill.recipe.tabular_column import Column

Keys = npt.NDArray[np.uint64]

# A histogram is of so many bits of the numbers.
HISTOGRAM_BITS = 16
KEY_BITS = 64
_SIGN = np.uint64(2**63)

# What so many row groups or files hold is added up at a time.
_WAITING = 8


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Numbers whose keys begin with the same bits; see `keys_of`.

    Attributes:
        bits: How many bits that are.
        prefix: The bits, as an integer.
    """

    bits: int = 0
    prefix: int = 0

    def of(self, keys: Keys) -> Keys:
        """Return those of some keys [n] that are in the range."""
        if not self.bits:
            return keys
        inside: Keys = keys[keys >> np.uint64(KEY_BITS - self.bits) == np.uint64(self.prefix)]
        return inside


@dataclass(frozen=True, slots=True)
class Totals:
    """What is known of the numbers of a column after one pass.

    Attributes:
        rows: How many numbers there are.
        total: Their sum, in units of 2^-1074.
        low: The smallest of them.
        high: The largest of them.
    """

    rows: int = 0
    total: int = 0
    low: float = np.inf
    high: float = -np.inf

    def plus(self, other: "Totals") -> "Totals":
        """Return what is known of both together."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Totals(self.rows + other.rows, self.total + other.total, low, high)


# Numbers or bits of keys [d], in ascending order, and how often each occurs [d].
Tally = tuple[npt.NDArray[np.generic], npt.NDArray[np.int64]]


@dataclass(slots=True)
class Found:
    """What a pass has found, by column.

    Attributes:
        totals: The totals of a column.
        ranges: For each range of a column that was asked for, its keys, or their next bits.
        squares: The sum of squared differences from a mean, in units of 2^-1074; None if a float
            cannot hold it.
        parts: The values of each part of the times of a column.
    """

    totals: dict[str, Totals] = field(default_factory=dict)
    ranges: dict[tuple[str, KeyRange], Tally] = field(default_factory=dict)
    squares: dict[str, int | None] = field(default_factory=dict)
    parts: dict[tuple[str, int], Tally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pass:
    """What to look for in one pass.

    Attributes:
        columns: The columns of the recipe.
        totals: The columns whose totals are asked for.
        histograms: The ranges of columns of whose keys the next bits are counted.
        keys: The ranges of columns whose keys are counted.
        means: The columns whose squared differences from this mean are summed.
        parts: The columns whose parts of times are counted.
    """

    columns: Mapping[str, Column]
    totals: frozenset[str] = frozenset()
    histograms: frozenset[tuple[str, KeyRange]] = frozenset()
    keys: frozenset[tuple[str, KeyRange]] = frozenset()
    means: Mapping[str, float] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()

    def names(self) -> tuple[str, ...]:
        """Return the columns that are looked at."""
        of_ranges = {name for name, _ in self.histograms | self.keys}
        needed = self.totals | of_ranges | self.means.keys() | self.parts
        return tuple(name for name in self.columns if name in needed)

    def __call__(self, tables: Iterable[pa.Table]) -> Found:
        """Return what tables of cleaned rows hold."""
        return merge_found(self._look(table) for table in tables)

    def _look(self, table: pa.Table) -> Found:
        found = Found()
        for name in self.names():
            column = self.columns[name]
            numbers = present_numbers(column, table.column(name))
            if name in self.totals and len(numbers):
                found.totals[name] = totals_of(numbers)
            if name in self.means:
                floats = numbers.astype(np.float64, copy=False)
                found.squares[name] = _squares(floats, self.means[name])
            if name in self.parts:
                for index, part in enumerate(encode_numbers(column, Statistics(), numbers)):
                    found.parts[name, index] = _tally(part)
            self._count_keys(name, numbers, found)
        return found

    def _count_keys(self, name: str, numbers: npt.NDArray[np.generic], found: Found) -> None:
        asked = [key for key in self.histograms | self.keys if key[0] == name]
        if not asked:
            return
        keys = keys_of(numbers)
        for key in asked:
            inside = key[1].of(keys)
            if key in self.histograms:
                shift = KEY_BITS - key[1].bits - HISTOGRAM_BITS
                bits = (inside >> np.uint64(shift)) & np.uint64(2**HISTOGRAM_BITS - 1)
                times = np.bincount(bits.astype(np.int64))
                buckets = np.flatnonzero(times)
                found.ranges[key] = (buckets.astype(np.uint64), times[buckets])
            else:
                found.ranges[key] = _tally(inside)


def present_numbers(column: Column, cells: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Return those numbers of `cell_numbers` that are not missing. None of them is -0.0."""
    numbers = cell_numbers(column, cells.drop_null())
    return numbers + 0.0 if numbers.dtype == np.float64 else numbers


def totals_of(numbers: npt.NDArray[Any]) -> Totals:
    """Return the totals of numbers [n], n > 0."""
    floats = numbers.astype(np.float64, copy=False)
    return Totals(len(floats), exact_sum(floats), float(floats.min()), float(floats.max()))


def keys_of(numbers: npt.NDArray[np.generic]) -> Keys:
    """Return int64 or float64 [n] as uint64 [n] whose order is that of the numbers.

    The bits of floats of one sign are in order, as IEEE 754 has them.

    Example:
        >>> keys = keys_of(np.array([-2.0, -1.0, 0.0, 1e-300]))
        >>> bool((np.diff(keys.astype(object)) > 0).all())
        True
    """
    bits = np.ascontiguousarray(numbers).view(np.uint64)
    if numbers.dtype == np.int64:
        return bits ^ _SIGN
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def number_of(key: int, dtype: np.dtype[np.generic]) -> np.generic:
    """Return the number of a key; see `keys_of`."""
    sign = int(_SIGN)
    is_plain = dtype == np.int64 or bool(key & sign)
    bits = key ^ (sign if is_plain else 2**KEY_BITS - 1)
    number: np.generic = np.array([bits], np.uint64).view(dtype)[0]
    return number


def merge_found(several: Iterable[Found]) -> Found:
    """Return what was found in all rows together. Only some of it is held at a time."""
    merged, remaining = Found(), iter(several)
    while some := list(itertools.islice(remaining, _WAITING)):
        merged = _merge([merged, *some])
    return merged


def _merge(several: Sequence[Found]) -> Found:
    merged = Found()
    for found in several:
        for name, totals in found.totals.items():
            merged.totals[name] = merged.totals.get(name, Totals()).plus(totals)
        for name, total in found.squares.items():
            before = merged.squares.get(name, 0)
            merged.squares[name] = None if total is None or before is None else before + total
    for key in dict.fromkeys(key for found in several for key in found.ranges):
        merged.ranges[key] = _sum([f.ranges[key] for f in several if key in f.ranges])
    for part in dict.fromkeys(part for found in several for part in found.parts):
        merged.parts[part] = _sum([f.parts[part] for f in several if part in f.parts])
    return merged


def _squares(floats: npt.NDArray[np.float64], mean: float) -> int | None:
    try:
        return squares(floats, mean)
    except OverflowError:
        return None


def _tally(values: npt.NDArray[np.generic]) -> Tally:
    distinct, times = np.unique(values, return_counts=True)
    return distinct, times.astype(np.int64)


def _sum(tallies: Sequence[Tally]) -> Tally:
    if len(tallies) == 1:
        return tallies[0]
    all_values = np.concatenate([values for values, _ in tallies])
    values, places = np.unique(all_values, return_inverse=True)
    times = np.zeros(len(values), np.int64)
    np.add.at(times, places, np.concatenate([times for _, times in tallies]))
    return values, times
