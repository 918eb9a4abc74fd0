"""Writes the rows that a program gives to a file, whose bytes depend on the rows alone."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from shardmill.errors import OutputError
from shardmill.format.arrow_arrays import arrow_array
from shardmill.raw.tables.table_format import tables_of

# Rows are joined until a batch has so many, or so many bytes.
_PIECE_ROWS, _PIECES, _BATCH_BYTES = 1_024, 64, 2**23


def write_given(tables: Iterable[pa.Table], path: Path) -> None:
    """Write tables of one schema, at least one, to a file in Arrow's IPC format.

    Equal rows give equal bytes, however the tables cut them. Memory holds one batch beside a table.

    Args:
        tables: The tables. The columns are numbers, bools, texts, dates, times or decimals.
        path: The file.

    Raises:
        OutputError: The file cannot be written.
    """
    remaining = iter(tables)
    head = next(remaining)
    schema = pa.schema([(field.name, field.type) for field in head.schema])
    pieces = tables_of(_batches([head], remaining), _PIECE_ROWS)
    with _writing(path):
        file = pa.ipc.new_file(path, schema)
    try:
        for batch in _joined(pieces, schema):
            with _writing(path):
                file.write(batch)
    finally:
        with _writing(path):
            file.close()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    # This must not be around the tables: a program may read files while it gives rows.
    try:
        yield
    except OSError as error:
        fix = "make room there, or set TMPDIR to another folder"
        raise OutputError.unwritable(path.parent, error, fix=fix) from None


def _batches(*several: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    for tables in several:
        for table in tables:
            yield from table.to_batches()


def _joined(pieces: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    waiting: list[pa.RecordBatch] = []
    size = 0
    for piece in pieces:
        columns = [_in_one_way(column.combine_chunks()) for column in piece.columns]
        waiting.append(pa.RecordBatch.from_arrays(columns, schema=schema))
        size += waiting[-1].nbytes
        if len(waiting) == _PIECES or size >= _BATCH_BYTES:
            yield from _one(waiting)
            waiting, size = [], 0
    yield from _one(waiting)


def _one(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if batches:
        yield from pa.Table.from_batches(batches).combine_chunks().to_batches()


def _in_one_way(values: pa.Array) -> pa.Array:
    """Return an array with the same values, whose bytes do not depend on how it was made.

    Arrow allows any bytes where a value is null, and to say or not to say that none is.
    """
    if not len(values):
        return values
    valid = np.asarray(values.is_valid())
    filled = values.fill_null(_empty(values.type)).take(arrow_array(np.arange(len(values))))
    bits = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(values.type, len(values), [bits, *filled.buffers()[1:]])


def _empty(dtype: pa.DataType) -> pa.Scalar:
    """Return what stands where a value is null: the empty text, or zero bytes."""
    texts = [pa.py_buffer(bytes(8))] if pa.types.is_string(dtype) else []
    buffers = [None, pa.py_buffer(bytes(32)), *texts]
    return pa.Array.from_buffers(dtype, 1, buffers)[0]
