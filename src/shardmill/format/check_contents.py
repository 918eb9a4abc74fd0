"""Checks what stands in the shards and Parquet files of an artifact, beyond their checksums.

A checksum says that a file is the one that was written, not that what was written makes sense.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.errors import DamagedFileError
from shardmill.format.layout import Extent, Field, shard_header, shard_layout
from shardmill.format.manifest import Manifest, ShardRecord, SplitRecord

_BLOCK_VALUES = 2**21  # so many are in memory at a time
_LISTED = 5  # so many faults of a file are in a message
_FIX = "build the artifact again with `shardmill preprocess --force`"

Block = npt.NDArray[np.generic]


def check_contents(folder: Path, manifest: Manifest) -> None:
    """Read all shards, and compare the rows of Parquet files with the manifest.

    Raises:
        DamagedFileError: Ids are not in the vocabulary, labels are no classes, rows of ragged
            fields do not lie one after another, numbers are not finite where the recipe promises
            it, or a file has another number of rows.
    """
    for split in manifest.splits.values():
        for record in split.parquet:
            rows = _parquet_rows(folder / record.path)
            if rows != record.rows:
                raise _wrong(folder / record.path, f"{record.rows:,} rows", f"{rows:,}")
        if sum(record.rows for record in split.parquet) != split.rows:
            found = f"{sum(record.rows for record in split.parquet):,} in the Parquet files"
            raise _wrong(folder, f"{split.rows:,} cleaned rows of each split", found)
        for shard in split.shards:
            faults = list(_faults(folder, manifest, split, shard))
            if faults:
                more = f" and {len(faults) - _LISTED:,} more" if len(faults) > _LISTED else ""
                found = "; ".join(faults[:_LISTED]) + more
                raise _wrong(folder / shard.path, "values that the manifest allows", found)


def _parquet_rows(path: Path) -> int:
    try:
        rows: int = pq.read_metadata(path).num_rows
        return rows
    except (OSError, pa.ArrowInvalid) as error:
        raise _wrong(path, "a Parquet file", str(error)) from None


def _wrong(where: Path, expected: str, found: str) -> DamagedFileError:
    return DamagedFileError(where, expected=expected, found=found, fix=_FIX)


def _faults(
    folder: Path, manifest: Manifest, split: SplitRecord, shard: ShardRecord
) -> Iterator[str]:
    extents = {e.name: e for e in shard_layout(split.fields, shard.rows, shard.values)}
    start = len(shard_header(list(extents.values())))
    path = folder / shard.path

    def blocks(name: str) -> Iterator[Block]:
        return _blocks(path, extents[name], start)

    for field in split.fields:
        limit = _limit(manifest, field)
        for block in blocks(field.name):
            if fault := _value_fault(field, block, limit, manifest):
                yield f"{field.name}: {fault}"
                break
        if field.ragged:
            yield from _ragged_faults(field.name, shard, blocks)


def _blocks(path: Path, extent: Extent, start: int) -> Iterator[Block]:
    """Yield the values of a tensor, flat, so many at a time as are handy."""
    dtype = np.dtype(extent.dtype).newbyteorder("<")
    count = (extent.stop - extent.start) // dtype.itemsize
    with path.open("rb") as file:
        file.seek(start + extent.start)
        while count:
            block = np.fromfile(file, dtype, min(_BLOCK_VALUES, count))
            if not len(block):
                return  # the size was compared before
            yield block
            count -= len(block)


def _limit(manifest: Manifest, field: Field) -> int | None:
    """Return how many values a field of indices can have; None for other fields."""
    if field.role == "class":
        targets = {t.get("name"): t for t in manifest.recipe.get("targets", ())}
        classes: Any = manifest.classes
        if field.group is not None:
            classes = targets.get(field.group, {}).get("classes")
        return None if classes is None else len(classes)
    is_text = field.ragged and manifest.vocabulary is not None
    return manifest.vocabulary.tokens if is_text and manifest.vocabulary is not None else None


def _value_fault(field: Field, block: Block, limit: int | None, manifest: Manifest) -> str:
    if limit is not None:
        low, high = int(block.min()), int(block.max())
        if low < 0 or high >= limit:
            return f"{low if low < 0 else high} where 0 to {limit - 1} can be"
    if manifest.kind == "tabular" and block.dtype.kind == "f":
        bad = np.isinf(block) if _may_lack(manifest, field) else ~np.isfinite(block)
        if bad.any():
            return f"{block[int(np.argmax(bad))]} where numbers are finite"
    return ""


def _may_lack(manifest: Manifest, field: Field) -> bool:
    columns: list[Mapping[str, Any]] = manifest.recipe.get("columns", [])
    return not field.is_target and any(column.get("missing") == "keep" for column in columns)


def _ragged_faults(
    name: str, shard: ShardRecord, blocks: Callable[[str], Iterator[Block]]
) -> Iterator[str]:
    end, longest = 0, 0
    pairs = zip(blocks(f"{name}.sizes"), blocks(f"{name}.offsets"), strict=True)
    for sizes, offsets in pairs:
        wide = sizes.astype(np.int64)
        if wide.min() < 0:
            yield f"{name}.sizes: {wide.min()}"
            return
        ends = end + np.cumsum(wide)
        if not np.array_equal(offsets, ends - wide):
            yield f"{name}.offsets: rows that do not lie one after another"
            return
        end, longest = int(ends[-1]), max(longest, int(wide.max()))
    if end != shard.values[name]:
        yield f"{name}.sizes: {end:,} values in all, not {shard.values[name]:,}"
    if longest != shard.longest[name]:
        yield f"{name}.sizes: the longest row has {longest:,}, not {shard.longest[name]:,}"
