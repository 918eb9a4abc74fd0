"""Stores arrays, one for each row, as a column of an Arrow table."""

import json
import math

import numpy as np
import pyarrow as pa

from shardmill.format.arrow_arrays import Array, arrow_array, numpy_array

# The column that says of an image what is wrong with it, where each is in a file of its own. It is
# null for an image that was read, or else the `expected`, `found` and `fix` of an error.
FAULTS = "fault"


def image_table(rows: Array, **columns: pa.Array) -> pa.Table:
    """Return `rows` [n, *shape] as a column `image`, and other columns after it.

    The bytes of a row are one value. As a list, Parquet would store every element as a number of
    four bytes with two levels, which takes four times as long and half as much space again. The
    metadata of the field holds `dtype` and `shape`. Rows without dimensions are plain numbers.
    """
    if rows.ndim == 1:
        return pa.table({"image": arrow_array(rows), **columns})
    width = rows.itemsize * math.prod(rows.shape[1:])
    little = np.ascontiguousarray(rows, rows.dtype.newbyteorder("<"))
    column = pa.Array.from_buffers(pa.binary(width), len(rows), [None, pa.py_buffer(little)])
    facts = {"dtype": rows.dtype.name, "shape": json.dumps(rows.shape[1:])}
    field = pa.field("image", column.type, metadata=facts)
    fields = [field, *(pa.field(name, other.type) for name, other in columns.items())]
    return pa.table([column, *columns.values()], pa.schema(fields))


def image_rows(table: pa.Table) -> Array:
    """Return the column `image` of `image_table` as an array [n, *shape]."""
    column, facts = table.column("image").combine_chunks(), table.field("image").metadata
    if facts is None:
        return numpy_array(column)
    dtype, shape = np.dtype(facts[b"dtype"].decode()), json.loads(facts[b"shape"])
    start = column.offset * column.type.byte_width
    count = len(column) * math.prod(shape)
    data = column.buffers()[1] if len(column) else b""
    flat = np.frombuffer(data, dtype.newbyteorder("<"), count, start)
    return flat.reshape(-1, *shape).astype(dtype, copy=False)
