"""Reads IDX files: http://yann.lecun.com/exdb/mnist/, section "the IDX file format".

Two zero bytes, a code for the element type, the number of dimensions, each dimension as a
big-endian uint32, then the elements in C order, big-endian.
"""

import io
from pathlib import Path
from typing import IO

import numpy as np

from shardmill.errors import ArrayFormatError, EmptyFileError, IdxSizeError
from shardmill.raw.array_header import ArrayHeader
from shardmill.raw.decompress import open_raw
from shardmill.raw.name_format import name_format

EXPECTED = (
    "an IDX file (bytes 00 00, an element type from 08 to 0e, 1 to 64 dimensions), or the .npy or "
    ".npz of numpy"
)
_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx_header(path: Path, content_bytes: int, *, name: Path | None = None) -> ArrayHeader:
    """Return the header of an IDX file.

    The header is compared with the size of the file before anything of that size is allocated.

    Args:
        path: The file to read.
        content_bytes: The size of its content after decompression.
        name: The path that errors name, if it is another one.

    Raises:
        ArrayFormatError: The first bytes are no IDX header.
        IdxSizeError: The dimensions promise more or fewer bytes than the file holds.
        EmptyFileError: There are no rows.
    """
    with open_raw(path) as file:
        path = name or path
        header = _parse_header(path, file)
    size = header.start + header.bytes
    if size != content_bytes:
        raise IdxSizeError(
            path,
            expected=f"{size:,} bytes for {' x '.join(map(str, header.shape))} {header.dtype.name}",
            found=f"{content_bytes:,}",
            fix="fetch or copy the file again",
        )
    if 0 in header.shape:
        raise EmptyFileError(
            path, expected="at least one row", found="none", fix="fetch or copy the file again"
        )
    return header


def promised_bytes(start: bytes) -> int | None:
    """Return how many bytes an IDX file has that begins so; None if it is none."""
    try:
        header = _parse_header(Path(), io.BytesIO(start))
    except (ArrayFormatError, IdxSizeError):
        return None
    return header.start + header.bytes


def _parse_header(path: Path, file: IO[bytes]) -> ArrayHeader:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 1 <= magic[3] <= 64:
        raise ArrayFormatError(
            path,
            expected=EXPECTED,
            found=name_format(magic + file.read(300)) or magic.hex(" ") or "nothing",
            fix="check that the recipe names the right file",
        )
    dimensions = file.read(4 * magic[3])
    if len(dimensions) < 4 * magic[3]:
        raise IdxSizeError(
            path,
            expected=f"{magic[3]} dimensions",
            found=f"the end of the file after {len(dimensions) // 4}",
            fix="fetch or copy the file again",
        )
    shape = tuple(int(n) for n in np.frombuffer(dimensions, ">u4"))
    return ArrayHeader(np.dtype(_DTYPES[magic[2]]), shape, 4 + len(dimensions))
