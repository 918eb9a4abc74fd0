"""Learns from one column of numbers: what is filled in, how they are scaled, mean and deviation."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.format.manifest import Statistics
from shardmill.kinds.column_numbers import (
    ColumnNumbers,
    Mean,
    deviation,
    filled,
    filled_squares,
    mean_and_std,
    mean_of,
)
from shardmill.kinds.fill_value import fill_of_numbers, too_large_to_impute, wrong_numbers
from shardmill.kinds.number_passes import Found, Totals, present_numbers
from shardmill.kinds.tabular_encode import encode_numbers, feature_names
from shardmill.recipe.tabular_column import Column


@dataclass(frozen=True, slots=True)
class NumbersFit:
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
    def of(cls, name: str, column: Column, numbers: ColumnNumbers, missing: int) -> "NumbersFit":
        """Return what is learnt of the numbers of a column, before the last look at them.

        Raises:
            RowFault: There is no number to impute from.
        """
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
        held = self.numbers.values is not None
        squared = self.numbers.squares(mean) if held else found.squares[self.name]
        squared = filled_squares(squared, self.fill, self.missing, mean)
        return deviation(self.totals, mean, squared)

    def _parts(self, facts: Statistics, found: Found) -> dict[str, Statistics]:
        """Return the statistics of the parts of times."""
        values, times = self.numbers.values, self.numbers.times
        if values is not None and times is None:
            times = np.ones(len(values), np.int64)
        names = feature_names(self.name, self.column, facts)
        if values is None or times is None:
            tallies = [found.parts[self.name, index] for index in range(len(names))]
        else:
            parts = encode_numbers(self.column, Statistics(), values)
            tallies = [(part, times) for part in parts]
        if self.fill is not None and self.missing:
            fill = np.array([float(self.fill)])
            own = encode_numbers(self.column, Statistics(), fill)[:, 0]
            tallies = [
                (np.append(part, value), np.append(count, self.missing))
                for (part, count), value in zip(tallies, own, strict=True)
            ]
        moments = [mean_and_std(*tally) for tally in tallies]
        return {
            name: Statistics(mean=mean, std=std)
            for name, (mean, std) in zip(names, moments, strict=True)
        }


@dataclass(frozen=True, slots=True)
class FitHeld:
    """Learns from columns of numbers that are held in memory, in one look at all rows.

    Attributes:
        columns: The columns, none of which has to be counted.
        missing: How many rows of each have no number.
    """

    columns: Mapping[str, Column]
    missing: Mapping[str, int]

    def names(self) -> tuple[str, ...]:
        """Return the columns."""
        return tuple(self.columns)

    def __call__(self, tables: Iterable[pa.Table]) -> dict[str, dict[str, Statistics]]:
        """Return by column the statistics of it and its features.

        Raises:
            RowFault: A column has no number to impute from, or numbers that cannot be scaled.
        """
        held: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in self.columns}
        for table in tables:
            for name, column in self.columns.items():
                held[name].append(present_numbers(column, table.column(name)))
        learnt = {}
        for name, column in self.columns.items():
            numbers = ColumnNumbers.held(np.concatenate(held.pop(name)))
            fit = NumbersFit.of(name, column, numbers, self.missing[name])
            learnt[name] = fit.statistics(Found())
        return learnt


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
