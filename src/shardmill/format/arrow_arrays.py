"""Turns numpy arrays into Arrow arrays and back, without a copy and without pandas.

`pa.array`, `pa.scalar` and `np.asarray` do the same, but import pandas if it is installed. That
takes longer than building many datasets.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array = npt.NDArray[Any]


def arrow_array(values: Array) -> pa.Array:
    """Return numbers or booleans [n] as an Arrow array without nulls."""
    if values.dtype == bool:
        bits = np.packbits(values, bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])


def single_array(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return values [n] as one array. Those that are one already are not copied."""
    if isinstance(values, pa.ChunkedArray):
        return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    return values


def numpy_array(values: pa.Array | pa.ChunkedArray) -> Array:
    """Return an Arrow array [n] of numbers or booleans, without nulls, as a read-only array."""
    values = single_array(values)
    start, stop = values.offset, values.offset + len(values)
    data = values.buffers()[1] if len(values) else b""
    if pa.types.is_boolean(values.type):
        bits = np.unpackbits(
            np.frombuffer(data, np.uint8), count=stop if len(values) else 0, bitorder="little"
        )
        found: Array = bits[start:].astype(bool)
    else:
        found = np.frombuffer(data, values.type.to_pandas_dtype())[start:stop]
    found.flags.writeable = False  # others may use the same memory of Arrow
    return found


def filled_array(values: pa.Array | pa.ChunkedArray, value: float) -> pa.Array | pa.ChunkedArray:
    """Return numbers or booleans [n] with a value of the same type in place of nulls.

    Example:
        >>> filled_array(pa.array([1, None]), 7).to_pylist()
        [1, 7]
    """
    if not values.null_count:
        return values
    one = arrow_array(np.array([value], values.type.to_pandas_dtype()))
    return pc.coalesce(values, one[0])


def string_array(texts: Sequence[str]) -> pa.Array:
    """Return texts [n] as an Arrow array.

    Raises:
        pa.ArrowInvalid: The texts have more than 2 GiB together, the limit of `string`.
    """
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    return rows_of(b"".join(encoded), offsets)


def rows_of(content: bytes | Array, offsets: Array) -> pa.Array:
    """Return a string array [n] from UTF-8 bytes and the offsets [n + 1] of the rows in them.

    Raises:
        pa.ArrowInvalid: An offset is beyond 2 GiB, the limit of `string`.
    """
    positions = arrow_array(offsets).cast(pa.int32())
    return pa.StringArray.from_buffers(
        len(offsets) - 1, positions.buffers()[1], pa.py_buffer(content)
    )
