"""Turns cleaned rows into shards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.kinds.row import Array, Ragged
from shardmill.layout import Field
from shardmill.manifest import CleanedSplit, ParquetRecord, ShardRecord
from shardmill.pipeline.generation import Generation
from shardmill.preprocessor import Preprocessor
from shardmill.shard_file import write_shard


def read_parquet(artifact: Path, records: Sequence[ParquetRecord]) -> Iterator[pa.Table]:
    """Yield cleaned rows in order, a row group at a time."""
    for record in records:
        with pq.ParquetFile(artifact / record.path) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group)


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows `[start, stop)` of a split, and the name of the file they go to."""

    name: str
    start: int
    stop: int
    labelled: bool


def even_shards(split: str, record: CleanedSplit, rows_per_shard: int) -> list[Shard]:
    """Cut a split into shards of `rows_per_shard` rows; the last one may be shorter."""
    return [
        Shard(
            name=f"{split}-{index:05d}.safetensors",
            start=start,
            stop=min(start + rows_per_shard, record.rows),
            labelled=record.labelled,
        )
        for index, start in enumerate(range(0, record.rows, rows_per_shard))
    ]


def write_shard_of(
    preprocessor: Preprocessor,
    parquet: Path,
    generation: Generation,
    shard: Shard,
) -> ShardRecord:
    """Encode the rows of a shard from a Parquet file and write it into a generation."""
    start, stop, labelled, name = shard.start, shard.stop, shard.labelled, shard.name
    fields = preprocessor.fields(labelled=labelled)
    parts = [preprocessor.encode(table, labelled=labelled) for table in _rows(parquet, start, stop)]
    tensors, values, longest = _shard_tensors(fields, parts)
    size, digest = write_shard(generation.folder / name, fields, tensors, values=values)
    return ShardRecord(
        path=f"{generation.name}/{name}",
        bytes=size,
        xxh3_128=digest,
        rows=stop - start,
        values=values,
        longest=longest,
    )


def _rows(parquet: Path, start: int, stop: int) -> Iterator[pa.Table]:
    first = 0
    with pq.ParquetFile(parquet) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            begin, end = max(start - first, 0), min(stop - first, rows)
            if begin < end:
                yield file.read_row_group(group).slice(begin, end - begin)
            first += rows


def _shard_tensors(
    fields: Sequence[Field], parts: Sequence[Mapping[str, Array | Ragged]]
) -> tuple[dict[str, npt.NDArray[np.generic]], dict[str, int], dict[str, int]]:
    tensors: dict[str, npt.NDArray[np.generic]] = {}
    values: dict[str, int] = {}
    longest: dict[str, int] = {}
    for field in fields:
        columns = [part[field.name] for part in parts]
        ragged = [column for column in columns if isinstance(column, Ragged)]
        if not field.ragged:
            tensors[field.name] = np.concatenate([np.asarray(column) for column in columns])
            continue
        sizes = np.concatenate([column.sizes for column in ragged])
        tensors[field.name] = np.concatenate([column.values for column in ragged])
        tensors[f"{field.name}.sizes"] = sizes
        tensors[f"{field.name}.offsets"] = np.cumsum(sizes, dtype=np.int64) - sizes
        values[field.name] = len(tensors[field.name])
        longest[field.name] = int(sizes.max())
    return tensors, values, longest
