"""Merges tables of how often tokens were counted."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import arrow_array, numpy_array, string_array

# Counts are merged when so many are waiting, which bounds the memory. More take longer, too, since
# they do not fit the caches of a processor.
_WAITING = 1_000_000

# What a tokenizer is learnt from depends on when counts are merged.
_WAITING_TO_LEARN = 4_000_000


def merge_counts(tables: Iterable[pa.Table]) -> pa.Table:
    """Return each token of all tables once, in order of first appearance, and its count.

    It does not matter whether some tables that follow one another have been merged before.

    Args:
        tables: Tables with the columns `token` and `count`.
    """
    return _merged(tables, _WAITING, None)


def first_counts(tables: Iterable[pa.Table], most_bytes: int) -> pa.Table:
    """Return what `merge_counts` returns of the first tables.

    Args:
        tables: Tables with the columns `token` and `count`.
        most_bytes: The tables are left when all distinct tokens are found to have more bytes.
    """
    return _merged(tables, _WAITING_TO_LEARN, most_bytes)


def _merged(tables: Iterable[pa.Table], least: int, most_bytes: int | None) -> pa.Table:
    counts = pa.table({"token": string_array([]), "count": arrow_array(np.zeros(0, np.int64))})
    most, waiting = least, 0
    for table in tables:
        counts = pa.concat_tables([counts, table])
        waiting += 0 if most_bytes is None else _token_bytes(table)
        if len(counts) > most or (most_bytes is not None and waiting > 2 * most_bytes):
            counts = _merge(counts)
            # Counts may double before the next merge, or else every summary would cause one.
            most, waiting = max(least, 2 * len(counts)), 0
            if most_bytes is not None and _token_bytes(counts) > most_bytes:
                return counts
    return _merge(counts)


def _token_bytes(counts: pa.Table) -> int:
    return pc.sum(pc.binary_length(counts.column("token"))).as_py() or 0


def _merge(counts: pa.Table) -> pa.Table:
    """Return each token once, in order of first appearance, with the sum of its counts."""
    encoded = counts.column("token").combine_chunks().dictionary_encode()
    codes, weights = numpy_array(encoded.indices), numpy_array(counts.column("count"))
    total = np.bincount(codes, weights, minlength=len(encoded.dictionary)).astype(np.int64)
    return pa.table({"token": encoded.dictionary, "count": arrow_array(total)})
