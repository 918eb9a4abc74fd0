"""Learns from the train split, by counted values, so that it does not matter how rows were cut."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from shardmill.errors import ValueFormatError
from shardmill.format.manifest import Statistics
from shardmill.kinds.cells import Cells
from shardmill.kinds.row import RowFault
from shardmill.kinds.tabular_clean import ARROW_TYPES, CellReader
from shardmill.kinds.tabular_encode import (
    category_indices,
    column_values,
    encode_values,
    feature_names,
)
from shardmill.recipe.tabular_column import MISSING, UNKNOWN, Column

Numbers = npt.NDArray[np.float64]

# Counts are merged when so many are waiting, or as many as are already merged.
_MERGE_VALUES = 250_000


@dataclass(frozen=True, slots=True)
class Summary:
    """The counted values of rows, by column. Its size depends only on the distinct values.

    Attributes:
        counts: How often each value of `column_values` occurs in the rows.
        missing: How many rows have no value.
        tokens: The tokens of texts, see `text.prepare`; None if there are none to count.
    """

    counts: Mapping[str, "pd.Series[int]"] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    tokens: pa.Table | None = None


def summarise(columns: Mapping[str, Column], cleaned: pa.Table) -> Summary:
    """Count the values of those `columns` that a table has."""
    counts, missing = {}, {}
    for name in columns:
        if name in cleaned.column_names:
            cells = cleaned.column(name)
            missing[name] = cells.null_count
            values = column_values(columns[name], cells.drop_null())
            if values.dtype == np.float64:
                values = values + 0.0  # turns -0.0 into 0.0
            counts[name] = values.value_counts(sort=False)
    return Summary(counts, missing)


def merge_summaries(summaries: Iterable[Summary]) -> Summary:
    """Return the summary of all rows together, with values in ascending order.

    The memory that this takes grows with the number of distinct values of each column.
    """
    merged, waiting, held = Summary(), [], 0
    for summary in summaries:
        waiting.append(summary)
        held += sum(map(len, summary.counts.values()))
        if held > max(_MERGE_VALUES, sum(map(len, merged.counts.values()))):
            merged, waiting, held = _merge([merged, *waiting]), [], 0
    return _merge([merged, *waiting])


def _merge(summaries: list[Summary]) -> Summary:
    names = dict.fromkeys(name for summary in summaries for name in summary.counts)
    counts, missing = {}, {}
    for name in names:
        parts = [s.counts[name] for s in summaries if name in s.counts]
        some = [part for part in parts if len(part)] or parts[:1]
        counts[name] = pd.concat(some).groupby(level=0, sort=True).sum()
        missing[name] = sum(s.missing.get(name, 0) for s in summaries)
    return Summary(counts, missing)


def fit_column(
    name: str, column: Column, counts: "pd.Series[int]", missing: int
) -> dict[str, Statistics]:
    """Return the statistics of a column, and of each feature that is made from it.

    Args:
        name: The name of the column.
        column: The column as the recipe describes it.
        counts: How often each value occurs in the train split, with values in ascending order.
        missing: How many rows have no value.

    Raises:
        RowFault: There is no value to impute from.
    """
    fill = _fill_value(name, column, counts)
    filled = counts
    if fill is not None and missing:
        filled = pd.concat([counts, pd.Series([missing], index=[fill])])
        filled = filled.groupby(level=0, sort=True).sum()
    offset, divisor = _scale(name, column, filled)
    categories = _categories(column, filled, fill)
    facts = Statistics(
        fill=fill, missing=missing, offset=offset, divisor=divisor, categories=categories
    )
    values, weights = filled.index.to_series(), filled.to_numpy()
    if MISSING in column.levels and missing:
        values = pd.concat([values.astype(object), pd.Series([np.nan])])
        weights = np.append(weights, missing)
    names = feature_names(name, column, facts)
    if column.encode == "one_hot" and categories is not None:
        moments = _shares(category_indices(name, categories, values), weights, len(names))
    else:
        numbers = encode_values(name, column, facts, values)
        moments = [mean_and_std(numbers[:, index], weights) for index in range(len(names))]
    if names == (name,):
        mean, std = moments[0]
        return {name: facts.model_copy(update={"mean": mean, "std": std})}
    features = zip(names, moments, strict=True)
    return {name: facts, **{n: Statistics(mean=mean, std=std) for n, (mean, std) in features}}


def mean_and_std(
    values: npt.NDArray[Any], weights: npt.NDArray[Any]
) -> tuple[float | None, float | None]:
    """Return mean and (population) standard deviation of `values` [n] that occur `weights` times.

    NaN is left out. Both are None if nothing else is left, or if float64 cannot hold the squares.
    """
    present = ~np.isnan(values)
    numbers: Numbers = values[present].astype(np.float64)
    times: Numbers = weights[present].astype(np.float64)
    if not len(numbers):
        return None, None
    if numbers.min() == numbers.max():
        return float(numbers[0]), 0.0  # rounding could make it a small number
    # fsum rounds exactly, so the same rows give the same statistics on every processor.
    total = math.fsum(times)
    try:
        with np.errstate(over="raise"):
            mean = math.fsum(numbers * times) / total
            return mean, math.sqrt(math.fsum((numbers - mean) ** 2 * times) / total)
    except (OverflowError, FloatingPointError):  # the numbers are as large as float64 can hold
        return None, None


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


def _fill_value(name: str, column: Column, counts: "pd.Series[int]") -> int | float | str | None:
    if column.missing == "constant":
        return _constant(name, column)
    if column.missing not in ("median", "mean", "mode"):
        return None
    if not len(counts):
        raise _wrong_numbers(name, "at least one value to impute from", "none")
    value: Any
    if column.missing == "mode":
        value = counts.idxmax()  # the first of equal ones, since they are sorted
    elif column.missing == "median":
        ends = np.cumsum(counts.to_numpy())
        middle = np.searchsorted(ends, [(ends[-1] - 1) // 2, ends[-1] // 2], side="right")
        value = counts.index.to_numpy()[middle].mean()
    else:
        value, _ = mean_and_std(counts.index.to_numpy(), counts.to_numpy())
        if value is None:
            raise _wrong_numbers(name, "numbers that float64 can hold the squares of", "others")
    if column.dtype == "str":
        return str(value)
    # A float cannot hold every int64.
    whole = column.dtype == "int64" and column.missing == "mode"
    return int(value) if whole else float(value)


def _wrong_numbers(name: str, expected: str, found: str) -> RowFault:
    fix = f"correct the file, or columns.{name} of the recipe"
    return RowFault(0, name, ValueFormatError, expected=expected, found=found, fix=fix)


def _constant(name: str, column: Column) -> int | float | str:
    if not isinstance(column.fill, str) and column.unit is None:
        number = column.fill or 0
        return int(number) if column.dtype == "int64" else float(number)
    if column.dtype == "str":
        return str(column.fill)
    reader = CellReader(name, column)
    cell = reader.read(Cells.of(pa.array([str(column.fill)])))
    for fault in reader.faults:
        raise fault
    cells = pa.chunked_array([cell], ARROW_TYPES[column.dtype])
    return float(column_values(column, cells).iloc[0])


def _scale(
    name: str, column: Column, counts: "pd.Series[int]"
) -> tuple[float | None, float | None]:
    """Return the offset that is subtracted from numbers, and the divisor of the result."""
    if column.scale == "none":
        return None, None
    values = counts.index.to_numpy()
    if not len(values):
        return 0.0, 1.0
    if column.scale == "min_max":
        offset, divisor = float(values[0]), float(values[-1]) - float(values[0])
    else:
        mean, std = mean_and_std(values, counts.to_numpy())
        offset, divisor = mean or 0.0, math.inf if std is None else std
    if not math.isfinite(divisor):
        raise _wrong_numbers(name, "numbers that float64 can scale", "too large ones")
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
