"""Learns from the train split, column by column.

Columns with few distinct values are counted while they are cleaned. Numbers with many are read once
more: some columns at a time, which are held in memory, or if there are too many rows for that, in
passes over the cleaned rows, so that memory does not grow with them. All ways give the same
statistics to the last bit, since all sums are exact.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.format.arrow_arrays import arrow_array
from shardmill.format.manifest import Statistics
from shardmill.kinds.column_numbers import (
    ColumnNumbers,
    look_again,
    look_at_numbers,
    mean_and_std,
)
from shardmill.kinds.fill_value import fill_of_texts, wrong_numbers
from shardmill.kinds.fit_numbers import FitHeld, NumbersFit
from shardmill.kinds.number_passes import Found
from shardmill.kinds.tabular_encode import (
    category_indices,
    cell_numbers,
    encode_cells,
    feature_names,
)
from shardmill.kinds.train_rows import Scan
from shardmill.kinds.value_counts import MOST_VALUES, Counts, Summary, has_passes
from shardmill.recipe.tabular_column import MISSING, UNKNOWN, Column

# A task holds as many columns as have so many numbers together, 32 MiB. Columns of more rows are
# looked at in passes.
_HELD_NUMBERS = 2**22


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
    many = {name: columns[name] for name, counts in summary.counts.items() if counts is None}
    for name, column in many.items():
        if not has_passes(column):
            raise _too_many_values(name, column)
    fit = _fit_held if scan.rows <= _HELD_NUMBERS else _fit_in_passes
    learnt = fit(many, summary.missing, scan)
    for name, counts in summary.counts.items():
        if counts is not None:
            learnt[name] = _fit_counts(name, columns[name], counts, summary.missing[name])
    return {feature: facts for name in columns for feature, facts in learnt[name].items()}


def _fit_held(
    columns: Mapping[str, Column], missing: Mapping[str, int], scan: Scan
) -> dict[str, dict[str, Statistics]]:
    """Return the statistics of columns of numbers, some of which a task holds in memory."""
    names = iter(columns)
    learnt: dict[str, dict[str, Statistics]] = {}
    several = _HELD_NUMBERS // max(scan.rows, 1)
    looks = (
        FitHeld({name: columns[name] for name in some}, {name: missing[name] for name in some})
        for some in iter(lambda: tuple(itertools.islice(names, several)), ())
    )
    for found in scan.all_files(looks):
        learnt |= found
    return learnt


def _fit_in_passes(
    columns: Mapping[str, Column], missing: Mapping[str, int], scan: Scan
) -> dict[str, dict[str, Statistics]]:
    """Return the statistics of columns of numbers, of which memory holds some row groups."""
    fits = {
        name: NumbersFit.of(name, columns[name], numbers, missing[name])
        for name, numbers in look_at_numbers(columns, scan).items()
    }
    means = {name: fit.mean for name, fit in fits.items() if fit.mean is not None}
    found = look_again(columns, means, scan)
    return {name: fit.statistics(found) for name, fit in fits.items()}


def _fit_counts(name: str, column: Column, counts: Counts, missing: int) -> dict[str, Statistics]:
    counts = counts.in_order()
    if column.dtype == "str":
        return _fit_texts(name, column, counts, missing)
    numbers = ColumnNumbers.counted(cell_numbers(column, counts.values), counts.times)
    return NumbersFit.of(name, column, numbers, missing).statistics(Found())


def _fit_texts(name: str, column: Column, counts: Counts, missing: int) -> dict[str, Statistics]:
    """Return the statistics of a column of texts, and of each feature that is made from it.

    Raises:
        RowFault: There is no text to impute from.
    """
    fill = fill_of_texts(name, column, counts)
    if fill is not None and missing:
        counts = counts.with_text(fill, missing)
    facts = Statistics(fill=fill, missing=missing, categories=_categories(column, counts, fill))
    texts, weights = counts.values, counts.times
    if MISSING in column.levels and missing:
        texts = pa.concat_arrays([texts, pa.nulls(1, pa.string())])
        weights = np.append(weights, missing)
    names = feature_names(name, column, facts)
    if column.encode == "one_hot" and facts.categories is not None:
        moments = _shares(category_indices(name, facts.categories, texts), weights, len(names))
        features = zip(names, moments, strict=True)
        return {name: facts, **{n: Statistics(mean=mean, std=std) for n, (mean, std) in features}}
    mean, std = mean_and_std(encode_cells(name, column, facts, texts)[0], weights)
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


def _categories(column: Column, counts: Counts, fill: float | str | None) -> tuple[str, ...] | None:
    """Return the levels of a column in the order of their numbers.

    A constant that is filled in is a level even if no value of the train split is missing.
    """
    if column.categories is None:
        return None
    if isinstance(column.categories, tuple):
        return column.levels + column.categories
    reserved = {UNKNOWN, MISSING}
    always = {str(fill)} - reserved if column.missing == "constant" else set()
    often = counts.times >= column.min_freq
    texts = counts.values.filter(arrow_array(often)).to_pylist()
    # Sorted by frequency, then by text.
    found = zip(counts.times[often].tolist(), texts, strict=True)
    pairs = sorted(found, key=lambda pair: (-pair[0], pair[1]))
    others = [text for _, text in pairs if text not in reserved | always]
    room = None if column.max_categories is None else column.max_categories - len(always)
    return column.levels + tuple(sorted([*always, *others[:room]]))
