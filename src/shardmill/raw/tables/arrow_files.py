"""Reads Arrow's IPC format, as a file or as a stream. See `TableFormat` for what functions do.

A file says where each of its batches is; Feather is another name for it. A stream, as Hugging Face
`datasets` writes it, must be read from its start, so it is one group. Both are described in
https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from shardmill.raw.tables.table_format import RowGroup

NAME = "Arrow IPC"
_MAGIC = b"ARROW1"


def schema(path: Path) -> pa.Schema:
    """Return the names and the types of the columns of a file."""
    with _opened(path) as reader:
        return reader.schema


def groups(path: Path, names: Sequence[str]) -> list[RowGroup]:  # noqa: ARG001
    """Return the batches of a file, or one group for a stream."""
    # Of compressed batches, only a column that is read is decompressed.
    with _opened(path, [0]) as reader:
        if isinstance(reader, pa.RecordBatchFileReader):
            rows = [len(reader.get_batch(i)) for i in range(reader.num_record_batches)]
        else:
            rows = [sum(len(batch) for batch in reader)]
    size, total = path.stat().st_size, max(sum(rows), 1)
    shares = [size * count // total for count in rows]
    return [RowGroup(count, share, share) for count, share in zip(rows, shares, strict=True)]


def batches(path: Path, names: Sequence[str], group: int) -> Iterator[pa.RecordBatch]:
    """Yield some columns of a batch of a file, or of all batches of a stream."""
    known = schema(path)
    indices = sorted(known.get_field_index(name) for name in names)
    with _opened(path, indices) as reader:
        if isinstance(reader, pa.RecordBatchFileReader):
            yield reader.get_batch(group)
        else:
            yield from reader


@contextmanager
def _opened(path: Path, fields: list[int] | None = None) -> Iterator[Any]:
    """Open a file or a stream for some of its columns, all without `fields`."""
    options = pa.ipc.IpcReadOptions(included_fields=fields or [], use_threads=False)
    with pa.OSFile(str(path)) as source:
        is_file = source.read(len(_MAGIC)) == _MAGIC
        source.seek(0)
        opener = pa.ipc.open_file if is_file else pa.ipc.open_stream
        with opener(source, options=options) as reader:
            yield reader
