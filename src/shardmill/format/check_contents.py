"""Looks at what stands in the files of an artifact, beyond their checksums.

A checksum says that a file is the one that was written, not that what was written makes sense.
Everything is read in blocks, so memory does not grow with the files.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.format.arrow_arrays import numpy_array
from shardmill.format.layout import Extent, Field, fixed_tensors, shard_header, shard_layout
from shardmill.format.manifest import Manifest, ParquetRecord, ShardRecord, SplitRecord
from shardmill.format.manifest_rules import target_column

_BLOCK_BYTES = 2**22  # so much of a tensor is in memory at a time
_WHOLE = "iu"  # the kinds of numpy's integer dtypes

Block = npt.NDArray[Any]


def parquet_fault(folder: Path, record: ParquetRecord) -> str:
    """Return what is wrong with a Parquet file, which has the bytes that were written."""
    try:
        rows = pq.read_metadata(folder / record.path).num_rows
    except (OSError, pa.ArrowException) as error:
        return f"no Parquet file ({error})"
    return "" if rows == record.rows else f"{rows:,} rows where the manifest has {record.rows:,}"


def shard_faults(
    folder: Path, manifest: Manifest, split: SplitRecord, shard: ShardRecord
) -> Iterator[str]:
    """Yield what is wrong with the values of a shard, for each field the first of its kind.

    Ids are in the vocabulary, classes among the classes, codes among the categories. Ragged rows
    lie one after another. Numbers are finite, unless the recipe keeps missing ones.
    """
    columns = iter(manifest.features)
    for field in split.fields:
        blocks = tensor_blocks(folder, split, shard, field.name)
        if field.is_target or field.ragged:
            limit = _limit(manifest, field)
            yield from _first(_value_fault(field, block, limit=limit) for block in blocks)
        elif manifest.kind == "tabular":
            names = list(islice(columns, field.shape[0]))
            yield from _first(_row_fault(manifest, field, block, names=names) for block in blocks)
        if field.ragged:
            yield from _first(_ragged_faults(folder, split, shard, field))


def label_fault(folder: Path, manifest: Manifest, split: SplitRecord) -> str:
    """Return whether the classes in the shards are those of the Parquet files, row for row."""
    for field in split.fields:
        if field.role not in ("class", "classes"):
            continue
        column = field.group or "label"
        if field.group is None and manifest.kind == "tabular":
            column = target_column(manifest.recipe)
        try:
            differs = _differ(_column(folder, split, column), _tensor(folder, split, field.name))
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            return f"{field.name}: no classes in the Parquet files ({error})"
        if differs:
            return f"{field.name}: classes that are not those of the Parquet files"
    return ""


def tensor_blocks(
    folder: Path, split: SplitRecord, shard: ShardRecord, name: str
) -> Iterator[Block]:
    """Yield the rows of a tensor of a shard, some at a time: [b, *shape]."""
    extents = shard_layout(split.fields, shard.rows, shard.values)
    extent: Extent = next(extent for extent in extents if extent.name == name)
    dtype = np.dtype(extent.dtype).newbyteorder("<")
    row_bytes = (extent.stop - extent.start) // max(extent.shape[0], 1)
    at_once = max(_BLOCK_BYTES // max(row_bytes, 1), 1)
    with (folder / shard.path).open("rb") as file:
        file.seek(len(shard_header(extents)) + extent.start)
        for first in range(0, extent.shape[0], at_once):
            rows = min(at_once, extent.shape[0] - first)
            content = file.read(rows * row_bytes)
            yield np.frombuffer(content, dtype).reshape(rows, *extent.shape[1:])


def _first(faults: Iterator[str]) -> Iterator[str]:
    found = next((fault for fault in faults if fault), "")
    if found:
        yield found


def _limit(manifest: Manifest, field: Field) -> int | None:
    """Return how many values a field of indices can have; None for other fields."""
    if field.role == "class" and field.group is not None:
        targets = {target["name"]: target for target in manifest.recipe.get("targets", ())}
        classes = targets.get(field.group, {}).get("classes")
        return None if classes is None else len(classes)
    if field.role == "class":
        return None if manifest.classes is None else len(manifest.classes)
    if field.role == "classes":
        return 2  # 0 or 1 for each class
    is_text = field.ragged and manifest.vocabulary is not None
    return manifest.vocabulary.tokens if is_text and manifest.vocabulary is not None else None


def _value_fault(field: Field, block: Block, *, limit: int | None) -> str:
    if limit is not None and block.size:
        low, high = int(block.min()), int(block.max())
        if low < 0 or high >= limit:
            return f"{field.name}: {low if low < 0 else high} where 0 to {limit - 1} can be"
    if block.dtype.kind == "f" and not np.isfinite(block).all():
        return f"{field.name}: {block[~np.isfinite(block)][0]} where numbers are finite"
    return ""


def _row_fault(manifest: Manifest, field: Field, block: Block, *, names: Sequence[str]) -> str:
    """Return what is wrong with rows [b, f] of the features `names`."""
    if block.dtype == bool and (block.view(np.uint8) > 1).any():
        return f"{field.name}: {block.view(np.uint8).max()} where 0 and 1 can be"
    kept = _kept(manifest)
    for index, name in enumerate(names):
        values, facts = block[:, index], manifest.statistics.get(name)
        of_column = name if name in kept else name.rpartition(".")[0]
        finite = values[~np.isnan(values)] if of_column in kept else values
        if block.dtype.kind == "f" and not np.isfinite(finite).all():
            wrong = finite[~np.isfinite(finite)][0]
            return f"{field.name}: {wrong} for {name} where numbers are finite"
        if facts is not None and facts.categories is not None and len(finite):
            low, high, last = finite.min(), finite.max(), len(facts.categories) - 1
            if low < 0 or high > last:
                return f"{field.name}: {low if low < 0 else high} for {name}, of 0 to {last}"
    return ""


def _kept(manifest: Manifest) -> set[str]:
    """Return the columns of a table whose missing cells may be NaN."""
    columns = manifest.recipe.get("columns", ())
    return {column["name"] for column in columns if column.get("missing") == "keep"}


def _ragged_faults(
    folder: Path, split: SplitRecord, shard: ShardRecord, field: Field
) -> Iterator[str]:
    name, end, longest = field.name, 0, 0
    offsets, sizes = (
        tensor_blocks(folder, split, shard, tensor.name) for tensor in fixed_tensors(field)
    )
    for starts, counts in zip(_rejoined(offsets), _rejoined(sizes), strict=True):
        wide = counts.astype(np.int64)
        if wide.min() < 0:
            yield f"{name}.sizes: {wide.min()}"
            return
        ends = end + np.cumsum(wide)
        if not np.array_equal(starts, ends - wide):
            yield f"{name}.offsets: rows that do not lie one after another"
            return
        end, longest = int(ends[-1]), max(longest, int(wide.max()))
    if end != shard.values[name]:
        yield f"{name}.sizes: {end:,} values in all, not {shard.values[name]:,}"
    if longest != shard.longest[name]:
        yield f"{name}.sizes: the longest row has {longest:,}, not {shard.longest[name]:,}"


def _rejoined(blocks: Iterator[Block], rows: int = 2**18) -> Iterator[Block]:
    """Yield the same rows [n], the same number at a time whatever their dtype."""
    waiting = np.zeros(0)
    for block in blocks:
        waiting = np.concatenate([waiting, block]) if len(waiting) else block
        while len(waiting) >= rows:
            yield waiting[:rows]
            waiting = waiting[rows:]
    if len(waiting):
        yield waiting


def _tensor(folder: Path, split: SplitRecord, name: str) -> Iterator[Block]:
    return chain.from_iterable(tensor_blocks(folder, split, shard, name) for shard in split.shards)


def _column(folder: Path, split: SplitRecord, name: str) -> Iterator[Block]:
    """Yield a column of whole numbers [b], or of lists of them [b, c], of a split's Parquet."""
    for record in split.parquet:
        with pq.ParquetFile(folder / record.path) as file:
            for batch in file.iter_batches(columns=[name]):
                rows = batch.column(name)
                lists = pa.types.is_fixed_size_list(rows.type)
                values = rows.flatten() if lists else rows
                if rows.null_count or values.null_count or not pa.types.is_integer(values.type):
                    raise ValueError(f"{name} has other values than whole numbers")
                numbers = numpy_array(values)
                yield numbers.reshape(len(rows), -1) if lists else numbers


def _differ(some: Iterator[Block], others: Iterator[Block]) -> bool:
    pairs = zip(_rejoined(some), _rejoined(others), strict=True)
    return not all(np.array_equal(a, b) for a, b in pairs)
