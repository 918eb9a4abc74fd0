"""Turns prepared rows into shards."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.format.layout import Field
from shardmill.format.manifest import ShardRecord
from shardmill.format.ragged import Ragged
from shardmill.format.shard_file import write_shard
from shardmill.kinds.row import Array, RowFault
from shardmill.pipeline.builds.attempts import attempt
from shardmill.pipeline.builds.generation import Generation
from shardmill.pipeline.builds.ticks import Ticks
from shardmill.pipeline.stages.known_tokens import KnownTokens
from shardmill.pipeline.stages.prepared_rows import RowsToEncode
from shardmill.serve.preprocessor import Preprocessor

TICK_ROWS = 256


@dataclass(frozen=True, slots=True)
class Shard:
    """The rows of a split that make up a shard.

    Attributes:
        name: The name of the file.
        rows: How many rows the shard has.
        pieces: Where the rows are, in order: rows `[start, stop)` of prepared rows.
        labelled: Whether the split has a target.
        known: The vocabulary, if tokens are looked up.
    """

    name: str
    rows: int
    pieces: tuple[tuple[RowsToEncode, int, int], ...]
    labelled: bool
    known: KnownTokens | None


def even_shards(
    split: str,
    prepared: Sequence[RowsToEncode],
    *,
    rows_per_shard: int,
    labelled: bool,
    known: KnownTokens | None,
) -> Iterator[Shard]:
    """Cut all rows of a split into shards of `rows_per_shard` rows; the last may be shorter."""
    firsts = list(accumulate((file.rows for file in prepared), initial=0))
    total = firsts[-1]
    for index, start in enumerate(range(0, total, rows_per_shard)):
        stop = min(start + rows_per_shard, total)
        own = slice(bisect_right(firsts, start) - 1, bisect_left(firsts, stop))
        yield Shard(
            name=f"{split}-{index:05d}.safetensors",
            rows=stop - start,
            pieces=tuple(
                (file, max(start - first, 0), min(stop - first, file.rows))
                for file, first in zip(prepared[own], firsts[own], strict=True)
            ),
            labelled=labelled,
            known=known,
        )


def write_shard_of(
    preprocessor: Preprocessor, generation: Generation, shard: Shard, ticks: Ticks | None = None
) -> ShardRecord:
    """Encode the rows of a shard and write it into a generation.

    Args:
        preprocessor: What encodes the rows.
        generation: The generation to write into.
        shard: The rows.
        ticks: Where every `TICK_ROWS` rows are counted; None if nobody wants to know.

    Raises:
        InputError: A row cannot be encoded.
    """
    fields = preprocessor.fields(labelled=shard.labelled)
    unknown: Counter[str] = Counter()
    tables: Iterator[Mapping[str, Array | Ragged]] = (
        part for piece in shard.pieces for part in _finished(preprocessor, shard, piece, unknown)
    )
    if ticks is not None:
        tables = _counted(tables, ticks)
    tensors, values, longest = _shard_tensors(fields, shard.rows, tables)
    # What Arrow keeps of freed memory grows with each shard, and with it the peak of the build.
    pa.default_memory_pool().release_unused()
    with attempt(generation.folder / shard.name) as path:
        size, digest = write_shard(path, fields, tensors, values=values)
    return ShardRecord(
        path=f"{generation.name}/{shard.name}",
        bytes=size,
        xxh3_128=digest,
        rows=shard.rows,
        values=values,
        longest=longest,
        unknown=dict(unknown),
    )


def _counted(
    tables: Iterator[Mapping[str, Array | Ragged]], ticks: Ticks
) -> Iterator[Mapping[str, Array | Ragged]]:
    """Yield the same tables, and count the rows of each when it is taken care of."""
    rows = 0
    for table in tables:
        yield table
        column = next(iter(table.values()))
        before, rows = rows, rows + len(column.sizes if isinstance(column, Ragged) else column)
        ticks.add(rows // TICK_ROWS - before // TICK_ROWS)


def _finished(
    preprocessor: Preprocessor,
    shard: Shard,
    piece: tuple[RowsToEncode, int, int],
    unknown: Counter[str],
) -> Iterator[Mapping[str, Array | Ragged]]:
    """Yield the fields of the rows of a piece, and add to the counts of unknown values."""
    prepared, row, stop = piece
    for table, key in prepared.tables(row, stop, shard.known):
        try:
            encoded = preprocessor.encode_prepared(table, key, labelled=shard.labelled)
        except RowFault as fault:
            # The line of the raw file is not known any more.
            raise fault.at(f"{prepared.path}, row {row + fault.row} (from 0)") from None
        unknown.update(preprocessor.unknown(table, encoded))
        yield encoded
        row += len(table)


def _shard_tensors(
    fields: Sequence[Field], rows: int, tables: Iterable[Mapping[str, Array | Ragged]]
) -> tuple[dict[str, npt.NDArray[np.generic]], dict[str, int], dict[str, int]]:
    """Return the tensors of a shard, and for ragged fields the count of values and the longest row.

    Tensors are filled table by table, so that no more than a table is held twice.
    """
    tensors: dict[str, npt.NDArray[np.generic]] = {
        field.name: np.empty((rows, *field.shape), field.dtype)
        for field in fields
        if not field.ragged
    }
    ragged: dict[str, list[Ragged]] = {field.name: [] for field in fields if field.ragged}
    first = 0
    for table in tables:
        last = first
        for name, column in table.items():
            if isinstance(column, Ragged):
                ragged[name].append(column)
                last = first + len(column.sizes)
            else:
                last = first + len(column)
                tensors[name][first:last] = column
        first = last
    values: dict[str, int] = {}
    longest: dict[str, int] = {}
    for name, columns in ragged.items():
        sizes = np.concatenate([column.sizes for column in columns])
        tensors[name] = np.concatenate([column.values for column in columns])
        tensors[f"{name}.sizes"] = sizes
        tensors[f"{name}.offsets"] = np.cumsum(sizes, dtype=np.int64) - sizes
        values[name] = len(tensors[name])
        longest[name] = int(sizes.max())
    return tensors, values, longest
