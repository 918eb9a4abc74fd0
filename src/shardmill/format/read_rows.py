"""Reads some rows of an artifact: of its shards, its cleaned rows, and those that were left out.

Only what is asked for is read, however large the artifact is. Nothing is compared with checksums,
which would mean to read whole files; `verify_artifact` does that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.errors import DamagedFileError
from shardmill.format.arrow_arrays import Array
from shardmill.format.layout import shard_header, shard_layout
from shardmill.format.manifest import CleanedSplit, ShardRecord, SplitRecord
from shardmill.format.read_checked import REBUILD

_BLOCKS = 64  # so many places of a split are looked at


def tensor_rows(folder: Path, split: SplitRecord, name: str, start: int, stop: int) -> Array:
    """Return rows `[start, stop)` of a tensor of fixed size: [n, *shape].

    Args:
        folder: The folder of the artifact.
        split: The record of the split.
        name: The name of a field, or with `.offsets` or `.sizes` that of a ragged field.
        start: The first row.
        stop: The row after the last one, at most the number of rows.

    Raises:
        DamagedFileError: A shard is missing, or is shorter than its record says.
    """
    parts: list[Array] = []
    for index in range(start // split.rows_per_shard, -(-stop // split.rows_per_shard)):
        first = index * split.rows_per_shard
        tensor = _tensor(folder, split, split.shards[index], name)
        parts.append(np.array(tensor[max(start - first, 0) : stop - first]))
    return np.concatenate(parts) if parts else np.zeros(0)


def ragged_row(folder: Path, split: SplitRecord, name: str, row: int) -> Array:
    """Return the values [n] of one row of a ragged field.

    Raises:
        DamagedFileError: A shard is missing, or is not what its record says.
    """
    shard = split.shards[row // split.rows_per_shard]
    offset, size = (
        int(tensor_rows(folder, split, f"{name}.{part}", row, row + 1)[0])
        for part in ("offsets", "sizes")
    )
    values = _tensor(folder, split, shard, name)
    with whole_file(folder / shard.path):
        if not 0 <= offset <= offset + size <= len(values):
            raise ValueError(f"a row of {size:,} values from {offset:,} on")
    return np.array(values[offset : offset + size])


def spread_rows(folder: Path, split: SplitRecord, name: str, most: int) -> Array:
    """Return at most `most` rows of a tensor of fixed size, from places all over the split.

    Raises:
        DamagedFileError: A shard is missing, or is shorter than its record says.
    """
    places = spread_places(split.rows, most)
    return np.concatenate([tensor_rows(folder, split, name, *place) for place in places])


def spread_places(rows: int, most: int) -> list[tuple[int, int]]:
    """Return rows [start, stop) from places all over a split, at most so many in all.

    Example:
        >>> spread_places(1_000, 2_000), spread_places(1_000, 2)
        ([(0, 1000)], [(0, 1), (999, 1000)])
    """
    if rows <= most:
        return [(0, rows)]
    size = max(most // _BLOCKS, 1)
    starts = np.linspace(0, rows - size, most // size).astype(int).tolist()
    return [(start, start + size) for start in starts]


def cleaned_rows(folder: Path, split: CleanedSplit, start: int, count: int) -> list[dict[str, Any]]:
    """Return cleaned rows, as many as there are up to `count`, each by the names of its columns.

    Raises:
        DamagedFileError: A file is missing, or is no Parquet.
    """
    found: list[dict[str, Any]] = []
    for record in split.parquet:
        if start >= record.rows:
            start -= record.rows
            continue
        with whole_file(folder / record.path), pq.ParquetFile(folder / record.path) as file:
            found += islice(_rows(file, start), count - len(found))
        start = 0
        if len(found) == count:
            break
    return found


def left_out_rows(folder: Path, split: CleanedSplit, most: int) -> list[dict[str, Any]]:
    """Return rows that a build left out, at most so many: their file, line, reason and text.

    Raises:
        DamagedFileError: A file is missing, or is no Parquet.
    """
    found: list[dict[str, Any]] = []
    for record in split.left_out:
        with whole_file(folder / record.path), pq.ParquetFile(folder / record.path) as file:
            found += islice(_rows(file, 0), most - len(found))
    return found


def _rows(file: pq.ParquetFile, start: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file from `start` on. Row groups before it are not read."""
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if start < rows:
            for batch in file.iter_batches(batch_size=1024, row_groups=[group]):
                yield from batch.slice(min(start, len(batch))).to_pylist()
                start = max(start - len(batch), 0)
        else:
            start -= rows


def _tensor(folder: Path, split: SplitRecord, shard: ShardRecord, name: str) -> Array:
    extents = shard_layout(split.fields, shard.rows, shard.values)
    extent = next(extent for extent in extents if extent.name == name)
    dtype = np.dtype(extent.dtype).newbyteorder("<")
    if extent.start == extent.stop:
        return np.zeros(extent.shape, dtype)
    with whole_file(folder / shard.path):
        offset = len(shard_header(extents)) + extent.start
        return np.memmap(folder / shard.path, dtype, "r", offset, extent.shape)


@contextmanager
def whole_file(path: Path) -> Iterator[None]:
    """Turn what readers raise for a damaged file into our error.

    Raises:
        DamagedFileError: Reading the file failed inside the block.
    """
    try:
        yield
    except (OSError, ValueError, IndexError, pa.ArrowException) as error:
        expected = "the file that the manifest names"
        raise DamagedFileError(path, expected=expected, found=str(error), fix=REBUILD) from None
