"""Stores arrays, one for each row, as a column of an Arrow table.

Rows that are images are stored as image files, so that other tools show them. The files have the
portable formats of Netpbm (https://netpbm.sourceforge.net/doc/pgm.html and ppm.html): a short
header, and then the pixels as they are, so that nothing has to be encoded. Hugging Face `datasets`
knows such a column by its type (https://huggingface.co/docs/datasets/image_dataset).
"""

import json
import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, arrow_array, numpy_array

# The column that says of an image what is wrong with it, where each is in a file of its own. It is
# null for an image that was read, or else the `expected`, `found` and `fix` of an error.
FAULTS = "fault"

IMAGE_FILES = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def image_table(rows: Array, **columns: pa.Array) -> pa.Table:
    """Return `rows` [n, *shape] as a column `image`, and other columns after it.

    Rows of uint8 [1, height, width] or [3, height, width] are image files. Of others, the bytes of
    a row are one value. As a list, Parquet would store every element as a number of four bytes with
    two levels, which takes four times as long and half as much space again. The metadata of the
    field holds `dtype` and `shape`. Rows without dimensions are plain numbers.
    """
    if rows.ndim == 1:
        return pa.table({"image": arrow_array(rows), **columns})
    header = file_header(rows.dtype.name, rows.shape[1:])
    column = _bytes_of_rows(rows) if header is None else _files_of_rows(rows, header)
    facts = {"dtype": rows.dtype.name, "shape": json.dumps(rows.shape[1:])}
    field = pa.field("image", column.type, metadata=facts)
    fields = [field, *(pa.field(name, other.type) for name, other in columns.items())]
    return pa.table([column, *columns.values()], pa.schema(fields))


def image_rows(table: pa.Table) -> Array:
    """Return the column `image` of `image_table` as an array [n, *shape], perhaps read-only.

    Raises:
        ValueError: The column is not as `image_table` makes it.
    """
    column, facts = table.column("image"), table.field("image").metadata
    if facts is None:
        return numpy_array(column)
    dtype, shape = np.dtype(facts[b"dtype"].decode()), tuple(json.loads(facts[b"shape"]))
    header = file_header(dtype.name, shape)
    if header is None:
        flat = _fixed_rows(column, dtype.itemsize * math.prod(shape))
        little = flat.reshape(-1).view(dtype.newbyteorder("<"))
        values: Array = little.reshape(len(flat), *shape).astype(dtype, copy=False)
        return values
    channels, height, width = shape
    files = _fixed_rows(column, len(header) + math.prod(shape))
    pixels = files[:, len(header) :].reshape(len(files), height, width, channels)
    return pixels.transpose(0, 3, 1, 2)


def file_header(dtype: str, shape: Sequence[int]) -> bytes | None:
    r"""Return what stands before the pixels of an image file, or None if rows are no images.

    Example:
        >>> file_header("uint8", (1, 28, 28)), file_header("uint8", (3, 32, 24))
        (b'P5\n28 28\n255\n', b'P6\n24 32\n255\n')
        >>> file_header("float32", (1, 28, 28))
    """
    if dtype != "uint8" or len(shape) != 3 or shape[0] not in (1, 3) or 0 in shape:
        return None
    channels, height, width = shape
    return f"{'P5' if channels == 1 else 'P6'}\n{width} {height}\n255\n".encode()


def _bytes_of_rows(rows: Array) -> pa.Array:
    width = rows.itemsize * math.prod(rows.shape[1:])
    little = np.ascontiguousarray(rows, rows.dtype.newbyteorder("<"))
    return pa.Array.from_buffers(pa.binary(width), len(rows), [None, pa.py_buffer(little)])


def _files_of_rows(rows: Array, header: bytes) -> pa.Array:
    channels, height, width = rows.shape[1:]
    file_bytes = len(header) + channels * height * width
    # Arrow gives memory again that others have used. That of numpy would be new, page by page.
    memory = pa.allocate_buffer(len(rows) * file_bytes)
    files = np.frombuffer(memory, np.uint8).reshape(len(rows), file_bytes)
    files[:, : len(header)] = np.frombuffer(header, np.uint8)
    pixels = files[:, len(header) :].reshape(len(rows), height, width, channels)
    for channel in range(channels):  # three times as fast as all of them together
        pixels[..., channel] = rows[:, channel]
    ends = np.arange(len(rows) + 1, dtype=np.int64) * files.shape[1]
    offsets = arrow_array(ends).cast(pa.int32())
    buffers = [None, offsets.buffers()[1], memory]
    content = pa.Array.from_buffers(pa.binary(), len(rows), buffers)
    return pa.StructArray.from_arrays(
        [content, pa.nulls(len(rows), pa.string())], fields=list(IMAGE_FILES)
    )


def _fixed_rows(column: pa.ChunkedArray, width: int) -> Array:
    """Return values of `width` bytes each as an array [n, width], without a copy if it can be."""
    parts = [_chunk_rows(chunk, width) for chunk in column.chunks if len(chunk)]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros((0, width), np.uint8)


def _chunk_rows(chunk: pa.Array, width: int) -> Array:
    start, stop = chunk.offset * width, (chunk.offset + len(chunk)) * width
    if pa.types.is_struct(chunk.type):
        chunk = pc.struct_field(chunk, "bytes")
        offsets = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset :][: len(chunk) + 1]
        start, stop = int(offsets[0]), int(offsets[-1])
        if (np.diff(offsets) != width).any():
            raise ValueError(f"images of {width:,} bytes each expected, others found")
    return np.frombuffer(chunk.buffers()[-1], np.uint8)[start:stop].reshape(len(chunk), width)
