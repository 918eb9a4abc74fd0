"""What is known of the numbers of a column, whether they were counted or looked at in passes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shardmill.kinds.exact_sums import exact_weighted_sum, squares, to_float, units
from shardmill.kinds.find_medians import Search
from shardmill.kinds.number_passes import (
    Found,
    KeyRange,
    Pass,
    Totals,
    merge_found,
    number_of,
    totals_of,
)
from shardmill.kinds.train_rows import Scan
from shardmill.recipe.tabular_column import Column

Mean = tuple[float | None, float | None]  # and the deviation


@dataclass(frozen=True, slots=True)
class ColumnNumbers:
    """What is known of the numbers of a column.

    Attributes:
        totals: How many there are, their sum and their range.
        middle: The two numbers in the middle; None if there are none, or if nobody wants to know.
        values: The numbers [n], or the distinct ones in ascending order; None if there are too
            many to be held.
        times: How often each of them occurs, int64 [n]; None for once.
    """

    totals: Totals
    middle: npt.NDArray[np.generic] | None
    values: npt.NDArray[Any] | None = None
    times: npt.NDArray[np.int64] | None = None

    @classmethod
    def counted(cls, values: npt.NDArray[Any], times: npt.NDArray[np.int64]) -> "ColumnNumbers":
        """Return what counts say; see `values` and `times`."""
        if not len(values):
            return cls(Totals(), None, values, times)
        floats = values.astype(np.float64)
        total = exact_weighted_sum(floats, times)
        totals = Totals(int(times.sum()), total, float(floats[0]), float(floats[-1]))
        ends = np.cumsum(times)
        places = np.searchsorted(ends, [(ends[-1] - 1) // 2, ends[-1] // 2], side="right")
        return cls(totals, values[places], values, times)

    @classmethod
    def held(cls, values: npt.NDArray[Any]) -> "ColumnNumbers":
        """Return what is known of numbers [n] in any order, n > 0."""
        middle = [(len(values) - 1) // 2, len(values) // 2]
        return cls(totals_of(values), np.partition(values, middle)[middle], values)

    def squares(self, mean: float) -> int | None:
        """Return the squared differences of these numbers from a mean; see `Found.squares`."""
        assert self.values is not None  # noqa: S101  the caller has looked
        try:
            return squares(self.values.astype(np.float64), mean, self.times)
        except OverflowError:
            return None


def look_at_numbers(columns: Mapping[str, Column], scan: Scan) -> dict[str, ColumnNumbers]:
    """Return what passes over the train rows find of columns of numbers.

    A number in the middle is looked for if it is filled in.
    """
    if not columns:
        return {}
    medians = {name: c for name, c in columns.items() if c.missing == "median"}
    all_numbers = frozenset((name, KeyRange()) for name in medians)
    found = _scanned(scan, Pass(columns, totals=frozenset(columns), histograms=all_numbers))
    search = Search.of({name: found.totals[name].rows for name in medians}).after(found)
    while any(asked := search.asked()):
        bits, whole = asked
        search = search.after(_scanned(scan, Pass(medians, histograms=bits, keys=whole)), whole)
    middles = {
        name: np.array([number_of(rank.inside.prefix, _dtype(medians[name])) for rank in ranks])
        for name, ranks in search.ranks.items()
    }
    return {name: ColumnNumbers(found.totals[name], middles.get(name)) for name in columns}


def look_again(columns: Mapping[str, Column], means: Mapping[str, float], scan: Scan) -> Found:
    """Return the squared differences from means, and the parts of times, from one pass more."""
    parts = frozenset(name for name, column in columns.items() if column.parts)
    own = {name: mean for name, mean in means.items() if name in columns}
    return _scanned(scan, Pass(columns, means=own, parts=parts)) if columns else Found()


def _scanned(scan: Scan, one_pass: Pass) -> Found:
    return merge_found(scan.each_file(one_pass))


def _dtype(column: Column) -> np.dtype[np.generic]:
    """Return the dtype of `cell_numbers`."""
    exact = column.dtype == "timestamp" and column.parts and column.missing in ("error", "drop")
    return np.dtype(np.int64 if column.dtype == "int64" or exact else np.float64)


def mean_and_std(values: npt.NDArray[Any], times: npt.NDArray[Any]) -> Mean:
    """Return mean and (population) standard deviation of `values` [n] that occur `times`.

    NaN is left out. Both are None if nothing else is left, or if float64 cannot hold the squares.
    The sums are exact, as those of `math.fsum`.
    """
    present = ~np.isnan(values)
    numbers = values[present].astype(np.float64)
    weights = times[present].astype(np.int64)
    order = np.argsort(numbers)
    known = ColumnNumbers.counted(numbers[order], weights[order])
    mean = mean_of(known.totals)
    return (None, None) if mean is None else deviation(known.totals, mean, known.squares(mean))


def mean_of(totals: Totals) -> float | None:
    """Return the mean of numbers; None if there are none, or if float64 cannot hold the sum."""
    if not totals.rows:
        return None
    if totals.low == totals.high:
        return totals.low  # rounding could make it another number
    try:
        return to_float(totals.total) / totals.rows
    except OverflowError:
        return None


def deviation(totals: Totals, mean: float, squared: int | None) -> Mean:
    """Return the mean and the (population) standard deviation of numbers, or None for both."""
    if totals.low == totals.high:
        return mean, 0.0
    try:
        if squared is not None:
            return mean, math.sqrt(to_float(squared) / totals.rows)
    except OverflowError:
        pass
    return None, None


def filled(totals: Totals, fill: float | None, times: int) -> Totals:
    """Return the totals of numbers of which `times` more have the value that is filled in."""
    if fill is None or not times:
        return totals
    number = float(fill)
    return totals.plus(Totals(times, units(number) * times, number, number))


def filled_squares(squared: int | None, fill: float | None, times: int, mean: float) -> int | None:
    """Return the squared differences together with those of the value that is filled in."""
    if squared is None or fill is None or not times:
        return squared
    try:
        return squared + squares(np.array([float(fill)]), mean) * times
    except OverflowError:
        return None
