"""Counts the rows of a CSV file that no split takes, by what stands in them."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Where = Mapping[str, tuple[str, ...]]

# If there are more different values, they say nothing to a user, and their number has no bound.
_MOST_VALUES = 1_000
_LONGEST = 50  # characters of a cell


def rows_of(table: pa.Table, where: Where) -> pa.Array:
    """Say which rows of a table [n] have the stated values, bool [n]."""
    meant = pa.array(np.ones(len(table), np.bool_))
    for name, values in where.items():
        cells = pc.utf8_trim_whitespace(table.column(name).combine_chunks())
        meant = pc.and_(meant, pc.is_in(cells, value_set=pa.array(values)))
    return meant


def count_untaken(table: pa.Table, wheres: Sequence[Where]) -> Counter[str]:
    """Return how many rows of a table [n] have none of some values; see `few_values`.

    Args:
        table: The rows, with strings in the columns that are named.
        wheres: The values that columns have in the rows of each split.

    Example:
        >>> table = pa.table({"use": ["train", "test", "other", "other "]})
        >>> count_untaken(table, [{"use": ("train",)}, {"use": ("test",)}])
        Counter({"use = 'other'": 2})
    """
    names = list(dict.fromkeys(name for where in wheres for name in where))
    taken = pa.array(np.zeros(len(table), np.bool_))
    for where in wheres:
        taken = pc.or_(taken, rows_of(table, where))
    left = table.filter(pc.invert(taken)).select(names)
    counts: Counter[str] = Counter()
    found = left.group_by(names).aggregate([([], "count_all")])
    if len(found) > _MOST_VALUES:
        return Counter({"": len(left)})
    for row in found.to_pylist():
        counts[", ".join(f"{name} = {_shown(row[name])}" for name in names)] += row["count_all"]
    return counts


def few_values(counts: Counter[str]) -> Counter[str]:
    """Return counts by value, or all as that of the empty text if there are very many values."""
    return counts if len(counts) <= _MOST_VALUES else Counter({"": counts.total()})


def _shown(cell: str) -> str:
    text = cell.strip()
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")
