"""Turns drafted rows into shards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shardmill.kinds.row import Array, Ragged, RowFault
from shardmill.layout import Field
from shardmill.manifest import ShardRecord
from shardmill.pipeline.draft_rows import Drafted
from shardmill.pipeline.generation import Generation
from shardmill.preprocessor import Preprocessor
from shardmill.shard_file import write_shard


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows of a split that make up a shard.

    Attributes:
        name: of its file.
        rows: how many.
        pieces: where they are, in order: rows `[start, stop)` of drafted rows.
        labelled: the split has a target.
    """

    name: str
    rows: int
    pieces: tuple[tuple[Drafted, int, int], ...]
    labelled: bool


def even_shards(
    split: str, drafted: Sequence[Drafted], rows_per_shard: int, *, labelled: bool
) -> list[Shard]:
    """Cut the rows of a split into shards of `rows_per_shard` rows; the last may be shorter."""
    total = sum(file.rows for file in drafted)
    return [
        Shard(
            name=f"{split}-{index:05d}.safetensors",
            rows=min(rows_per_shard, total - start),
            pieces=_pieces(drafted, start, start + rows_per_shard),
            labelled=labelled,
        )
        for index, start in enumerate(range(0, total, rows_per_shard))
    ]


def _pieces(
    drafted: Sequence[Drafted], start: int, stop: int
) -> tuple[tuple[Drafted, int, int], ...]:
    pieces = []
    first = 0
    for file in drafted:
        begin, end = max(start - first, 0), min(stop - first, file.rows)
        if begin < end:
            pieces.append((file, begin, end))
        first += file.rows
    return tuple(pieces)


def write_shard_of(preprocessor: Preprocessor, generation: Generation, shard: Shard) -> ShardRecord:
    """Finish the rows of a shard and write it into a generation.

    Raises:
        InputError: a row cannot be encoded.
    """
    fields = preprocessor.fields(labelled=shard.labelled)
    parts = [part for piece in shard.pieces for part in _finished(preprocessor, shard, piece)]
    tensors, values, longest = _shard_tensors(fields, parts)
    size, digest = write_shard(generation.folder / shard.name, fields, tensors, values=values)
    return ShardRecord(
        path=f"{generation.name}/{shard.name}",
        bytes=size,
        xxh3_128=digest,
        rows=shard.rows,
        values=values,
        longest=longest,
    )


def _finished(
    preprocessor: Preprocessor, shard: Shard, piece: tuple[Drafted, int, int]
) -> Iterator[Mapping[str, Array | Ragged]]:
    drafted, row, stop = piece
    for table, key in drafted.tables(row, stop):
        try:
            yield preprocessor.finish(table, key, labelled=shard.labelled)
        except RowFault as fault:
            # That of the raw file is not known any more.
            raise fault.at(f"{drafted.path}, row {row + fault.row} (from 0)") from None
        row += len(table)


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
