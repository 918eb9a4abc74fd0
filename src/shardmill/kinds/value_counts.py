"""Counts the distinct values of columns, as long as there are few enough to be held in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import arrow_array, numpy_array, string_array
from shardmill.recipe.tabular_column import Column

# A column has at most so many distinct values whose counts are kept. They take some 100 MB.
MOST_VALUES = 2**22

# Numbers with more distinct values are not counted, since passes over the cleaned rows find all
# that is asked of them. So many counts take a few kilobytes of each column and part.
_FEW_VALUES = 2**12

_ZERO = arrow_array(np.zeros(1))[0]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each distinct value of a column occurs.

    Attributes:
        values: The distinct values [d], as in cleaned rows, without nulls.
        times: How many rows have each of them, int64 [d].
    """

    values: pa.Array
    times: npt.NDArray[np.int64]

    def in_order(self) -> "Counts":
        """Return the same counts, with the values in ascending order."""
        order = pc.array_sort_indices(self.values)
        return Counts(self.values.take(order), self.times[numpy_array(order)])

    def with_text(self, text: str, times: int) -> "Counts":
        """Return the counts of texts in ascending order, with a text that occurs so often more."""
        known = numpy_array(pc.less(self.values, string_array([text])[0]))
        place = int(np.count_nonzero(known))
        if place < len(known) and self.values[place].as_py() == text:
            more = self.times.copy()
            more[place] += times
            return Counts(self.values, more)
        parts = (self.values.slice(0, place), string_array([text]), self.values.slice(place))
        return Counts(pa.concat_arrays(parts), np.insert(self.times, place, times))


@dataclass(frozen=True, slots=True)
class Summary:
    """What some rows of a table hold, column by column.

    Attributes:
        counts: The counts of each column; None if it has more values than are counted.
        missing: How many rows have no value, by column.
    """

    counts: Mapping[str, Counts | None] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)


def has_passes(column: Column) -> bool:
    """Say whether all that is learnt of a column can be found by passes over its numbers."""
    is_number = column.dtype in ("int64", "float64", "date", "timestamp")
    return is_number and column.missing != "mode" and column.categories is None


def summarise(
    columns: Mapping[str, Column], cleaned: pa.Table, before: Summary | None = None
) -> Summary:
    """Count the values of those `columns` that a table has.

    Args:
        columns: The columns as the recipe describes them.
        cleaned: Some rows.
        before: The summary of other rows. What has too many values in them is not counted.
    """
    counts: dict[str, Counts | None] = {}
    missing: dict[str, int] = {}
    many = {n for n, found in before.counts.items() if found is None} if before else set()
    present = set(cleaned.column_names)
    for name, column in columns.items():
        if name in present:
            cells = cleaned.column(name)
            missing[name] = cells.null_count
            counts[name] = None if name in many else _count(column, cells)
    return Summary(counts, missing)


def merge_summaries(columns: Mapping[str, Column], summaries: Iterable[Summary]) -> Summary:
    """Return the summary of all rows together."""
    several = list(summaries)
    names = dict.fromkeys(name for summary in several for name in summary.counts)
    counts = {
        name: _merge(columns[name], [s.counts[name] for s in several if name in s.counts])
        for name in names
    }
    return Summary(counts, {name: sum(s.missing.get(name, 0) for s in several) for name in names})


def _most(column: Column) -> int:
    return _FEW_VALUES if has_passes(column) else MOST_VALUES


def _count(column: Column, cells: pa.ChunkedArray) -> Counts | None:
    most = _most(column)
    if has_passes(column) and len(cells) > most and _hardly_repeat(cells.slice(0, most // 4)):
        return None
    cells = cells.drop_null()
    if pa.types.is_floating(cells.type):
        cells = pc.add(cells, _ZERO)  # turns -0.0 into 0.0
    found = pc.value_counts(cells)
    if len(found) > most:
        return None
    return Counts(found.field("values"), numpy_array(found.field("counts")))


def _hardly_repeat(sample: pa.ChunkedArray) -> bool:
    """Say whether nearly all of some cells differ, so that a column has most likely many values.

    A quarter as many cells as there are values, drawn evenly, have 88 % as many distinct ones.
    """
    return len(pc.unique(sample)) > 0.95 * len(sample)


def _merge(column: Column, several: list[Counts | None]) -> Counts | None:
    known = [counts for counts in several if counts is not None]
    if len(known) < len(several):
        return None
    if len(known) == 1:
        return known[0]
    # Each value is a text or a number, and equal ones have equal bits: no float is -0.0 or NaN.
    values = pa.chunked_array([counts.values for counts in known]).combine_chunks()
    encoded = values.dictionary_encode()
    if len(encoded.dictionary) > _most(column):
        return None
    codes, times = numpy_array(encoded.indices), np.concatenate([c.times for c in known])
    total = np.zeros(len(encoded.dictionary), np.int64)
    np.add.at(total, codes, times)
    return Counts(encoded.dictionary, total)
