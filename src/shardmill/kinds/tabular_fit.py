"""Learns from the train split, column by column.

Columns with few distinct values are counted while they are cleaned. Numbers with many are looked at
in passes over the cleaned rows, so that memory does not grow with them. Both ways give the same
statistics to the last bit, since all sums are exact.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from shardmill.format.manifest import Statistics
from shardmill.kinds.column_numbers import (
    ColumnNumbers,
    Mean,
    deviation,
    filled,
    filled_squares,
    look_again,
    look_at_numbers,
    mean_and_std,
    mean_of,
)
from shardmill.kinds.fill_value import (
    fill_of_numbers,
    fill_of_texts,
    too_large_to_impute,
    wrong_numbers,
)
from shardmill.kinds.number_passes import Found, Totals
from shardmill.kinds.tabular_encode import category_indices, encode_values, feature_names
from shardmill.kinds.train_rows import Scan
from shardmill.kinds.value_counts import MOST_VALUES, Counts, Summary, has_passes, in_order
from shardmill.recipe.tabular_column import MISSING, UNKNOWN, Column


def fit_columns(
    columns: Mapping[str, Column], summary: Summary, scan: Scan
) -> dict[str, Statistics]:
    """Return the statistics of columns, and of each feature that is made from one.

    Args:
        columns: The columns as the recipe describes them.
        summary: The counts of the train rows. Columns that it does not have are left out.
        scan: What makes passes over the train rows, for numbers that were not counted.

    Raises:
        RowFault: A column has no value to impute from, too many distinct values, or numbers that
            cannot be scaled.
    """
    columns = {name: column for name, column in columns.items() if name in summary.counts}
    passed = {name: columns[name] for name, counts in summary.counts.items() if counts is None}
    for name, column in passed.items():
        if not has_passes(column):
            raise _too_many_values(name, column)
    numbers = look_at_numbers(passed, scan)
    for name, counts in summary.counts.items():
        if counts is not None and columns[name].dtype != "str":
            values, times = in_order(columns[name], counts)
            numbers[name] = ColumnNumbers.counted(np.asarray(values), times)
    fits = {
        name: _NumbersFit.of(name, columns[name], known, summary.missing[name])
        for name, known in numbers.items()
    }
    means = {name: fit.mean for name, fit in fits.items() if fit.mean is not None}
    found = look_again(passed, means, scan)
    statistics: dict[str, Statistics] = {}
    for name, column in columns.items():
        if name in fits:
            statistics |= fits[name].statistics(found)
        else:
            counts = summary.counts[name]
            assert counts is not None  # noqa: S101  texts are counted
            statistics |= _fit_texts(name, column, counts, summary.missing[name])
    return statistics


@dataclass(frozen=True, slots=True)
class _NumbersFit:
    """What is learnt of a column of numbers, before the last look at them.

    Attributes:
        name: The name of the column.
        column: The column as the recipe describes it.
        numbers: What is known of its numbers.
        missing: How many rows have none.
        fill: The number that is filled in, if there is one.
    """

    name: str
    column: Column
    numbers: ColumnNumbers
    missing: int
    fill: int | float | None

    @classmethod
    def of(cls, name: str, column: Column, numbers: ColumnNumbers, missing: int) -> "_NumbersFit":
        fill = fill_of_numbers(name, column, numbers)
        return cls(name, column, numbers, missing, fill)

    @property
    def totals(self) -> Totals:
        """The totals of the numbers, with those that are filled in."""
        return filled(self.numbers.totals, self.fill, self.missing)

    @property
    def mean(self) -> float | None:
        """The mean of the numbers, with those that are filled in."""
        return mean_of(self.totals)

    def statistics(self, found: Found) -> dict[str, Statistics]:
        """Return the statistics of the column and its features, after the last look.

        Raises:
            RowFault: The numbers cannot be scaled, or are too large to impute their mean.
        """
        totals = self.totals
        mean, std = self._mean_and_std(found)
        if self.column.missing == "mean" and mean is None:
            raise too_large_to_impute(self.name)
        offset, divisor = _scale(self.name, self.column, (totals.low, totals.high), (mean, std))
        facts = Statistics(fill=self.fill, missing=self.missing, offset=offset, divisor=divisor)
        if self.column.parts:
            return {self.name: facts, **self._parts(facts, found)}
        if mean is not None and std is not None and offset is not None and divisor is not None:
            mean, std = (mean - offset) / divisor, std / divisor
        return {self.name: facts.model_copy(update={"mean": mean, "std": std})}

    def _mean_and_std(self, found: Found) -> Mean:
        mean = self.mean
        if mean is None:
            return None, None
        counted = self.numbers.values is not None
        squared = self.numbers.squares(mean) if counted else found.squares[self.name]
        squared = filled_squares(squared, self.fill, self.missing, mean)
        return deviation(self.totals, mean, squared)

    def _parts(self, facts: Statistics, found: Found) -> dict[str, Statistics]:
        """Return the statistics of the parts of times."""
        values, times = self.numbers.values, self.numbers.times
        names = feature_names(self.name, self.column, facts)
        if values is None or times is None:
            tallies = [found.parts[self.name, index] for index in range(len(names))]
        else:
            parts = encode_values(self.name, self.column, Statistics(), values)
            tallies = [(part, times) for part in parts.T]
        if self.fill is not None and self.missing:
            fill = np.array([float(self.fill)])
            own = encode_values(self.name, self.column, Statistics(), fill)[0]
            tallies = [
                (np.append(part, value), np.append(count, self.missing))
                for (part, count), value in zip(tallies, own, strict=True)
            ]
        moments = [mean_and_std(*tally) for tally in tallies]
        return {
            name: Statistics(mean=mean, std=std)
            for name, (mean, std) in zip(names, moments, strict=True)
        }


def _fit_texts(name: str, column: Column, counts: Counts, missing: int) -> dict[str, Statistics]:
    """Return the statistics of a column of texts, and of each feature that is made from it.

    Raises:
        RowFault: There is no text to impute from.
    """
    values, times = in_order(column, counts)
    fill = fill_of_texts(name, column, values.to_numpy(), times)
    occurs = pd.Series(times, index=values.to_numpy())
    if fill is not None and missing:
        occurs = pd.concat([occurs, pd.Series([missing], index=[fill])])
        occurs = occurs.groupby(level=0, sort=True).sum()
    facts = Statistics(fill=fill, missing=missing, categories=_categories(column, occurs, fill))
    texts, weights = occurs.index.to_series(), occurs.to_numpy()
    if MISSING in column.levels and missing:
        texts = pd.concat([texts.astype(object), pd.Series([np.nan])])
        weights = np.append(weights, missing)
    names = feature_names(name, column, facts)
    if column.encode == "one_hot" and facts.categories is not None:
        moments = _shares(category_indices(name, facts.categories, texts), weights, len(names))
        features = zip(names, moments, strict=True)
        return {name: facts, **{n: Statistics(mean=mean, std=std) for n, (mean, std) in features}}
    mean, std = mean_and_std(encode_values(name, column, facts, texts)[:, 0], weights)
    return {name: facts.model_copy(update={"mean": mean, "std": std})}


def _shares(
    levels: npt.NDArray[np.int64], weights: npt.NDArray[Any], k: int
) -> list[tuple[float | None, float | None]]:
    """Return mean and standard deviation of the k features, 0 or 1, that `levels` [n] become."""
    rows = np.bincount(levels, weights, minlength=k)
    total = rows.sum()
    values = np.array([1.0, 0.0])
    return [
        mean_and_std(values[times > 0], times[times > 0])
        for times in np.column_stack([rows, total - rows])
    ]


def _too_many_values(name: str, column: Column) -> Exception:
    uses = "its most frequent value" if column.missing == "mode" else "categories"
    return wrong_numbers(
        name, f"at most {MOST_VALUES:,} distinct values for {uses}", "more of them"
    )


def _scale(
    name: str, column: Column, ends: tuple[float, float], moments: Mean
) -> tuple[float | None, float | None]:
    """Return the offset that is subtracted from numbers, and the divisor of the result."""
    if column.scale == "none":
        return None, None
    if ends[0] > ends[1]:
        return 0.0, 1.0  # there are no numbers
    if column.scale == "min_max":
        offset, divisor = ends[0], ends[1] - ends[0]
    else:
        mean, std = moments
        offset, divisor = mean or 0.0, math.inf if std is None else std
    if not math.isfinite(divisor):
        raise wrong_numbers(name, "numbers that float64 can scale", "too large ones")
    return offset, divisor if divisor > 0 else 1.0


def _categories(
    column: Column, counts: "pd.Series[int]", fill: float | str | None
) -> tuple[str, ...] | None:
    """Return the levels of a column in the order of their numbers.

    A constant that is filled in is a level even if no value of the train split is missing.
    """
    if column.categories is None:
        return None
    if isinstance(column.categories, tuple):
        return column.levels + column.categories
    reserved = {UNKNOWN, MISSING}
    always = {str(fill)} - reserved if column.missing == "constant" else set()
    often = counts[counts >= column.min_freq]
    # Sorted by frequency, then by text.
    pairs = sorted(zip(often.to_list(), often.index, strict=True), key=lambda p: (-p[0], p[1]))
    others = [text for _, text in pairs if text not in reserved | always]
    room = None if column.max_categories is None else column.max_categories - len(always)
    return column.levels + tuple(sorted([*always, *others[:room]]))
