"""Write arrays in the IDX format, the one that MNIST is published in.

Source: "The IDX file format", at the foot of Yann LeCun's MNIST page,
http://yann.lecun.com/exdb/mnist/. Everything is big-endian:

    offset        bytes      what
    0             2          zero
    2             1          type code of the values
    3             1          rank, r
    4             4 * r      the sizes of the dimensions, unsigned 32-bit
    4 + 4 * r     the rest   the values, the last dimension changing fastest

As published, an images file is uint8 of rank 3 (magic 0x00000803) and a labels file is uint8 of
rank 1 (magic 0x00000801), each compressed with gzip.
"""

import gzip
import struct
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

# Codes of numpy's kind and width. The page leaves 0x0A out, and has no unsigned type but uint8.
_TYPE_CODES = MappingProxyType(
    {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
)
_LARGEST_RANK = 255
_LARGEST_SIZE = 2**32 - 1


def encode_idx(array: npt.NDArray[Any]) -> bytes:
    """Return the content of an IDX file that holds `array`.

    The array may have any byte order and strides; the file is big-endian and in C order.

    Raises:
        ValueError: IDX cannot hold the dtype, the rank or a dimension.

    Example:
        >>> encode_idx(np.array([7, 2], dtype=np.uint8)).hex(" ")
        '00 00 08 01 00 00 00 02 07 02'
    """
    kind_and_width = f"{array.dtype.kind}{array.dtype.itemsize}"
    code = _TYPE_CODES.get(kind_and_width)
    if code is None:
        raise ValueError(
            f"encode_idx: expected one of the dtypes uint8, int8, int16, int32, float32 and "
            f"float64, found {array.dtype}; convert the array with .astype() first"
        )
    if not 1 <= array.ndim <= _LARGEST_RANK:
        raise ValueError(
            f"encode_idx: expected a rank of 1 to {_LARGEST_RANK}, found {array.ndim}; "
            f"give a single value one dimension with .reshape(1)"
        )
    if max(array.shape) > _LARGEST_SIZE:
        raise ValueError(
            f"encode_idx: expected dimensions of at most {_LARGEST_SIZE}, found the shape "
            f"{array.shape}; write the array in several files"
        )
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return header + array.astype(f">{kind_and_width}", order="C", copy=False).tobytes()


def compress_gzip(content: bytes) -> bytes:
    """Return `content` as one gzip member without a name or a time: equal content stays equal.

    Two builds of zlib may still compress differently: compare files by their decompressed content.
    """
    return gzip.compress(content, mtime=0)
