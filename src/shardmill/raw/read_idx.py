"""Reads IDX files: http://yann.lecun.com/exdb/mnist/, section "the IDX file format".

Two zero bytes, a code for the element type, the number of dimensions, each dimension as a
big-endian uint32, then the elements in C order, big-endian.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from shardmill.errors import EmptyFileError, IdxFormatError, IdxSizeError
from shardmill.raw.decompress import open_raw
from shardmill.raw.name_format import name_format

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True, slots=True)
class IdxHeader:
    """The header of an IDX file.

    Attributes:
        dtype: The type of an element in the file.
        shape: The number of rows, then the shape of a row.
        bytes: The size of the header.
    """

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    bytes: int

    @property
    def row_bytes(self) -> int:
        """How many bytes a row takes in the file."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def read_idx_header(path: Path, content_bytes: int, *, name: Path | None = None) -> IdxHeader:
    """Return the header of an IDX file.

    The header is compared with the size of the file before anything of that size is allocated.

    Args:
        path: The file to read.
        content_bytes: The size of its content after decompression.
        name: The path that errors name, if it is another one.

    Raises:
        IdxFormatError: The first bytes are no IDX header.
        IdxSizeError: The dimensions promise more or fewer bytes than the file holds.
        EmptyFileError: There are no rows.
    """
    with open_raw(path) as file:
        path = name or path
        header = _parse_header(path, file)
    size = header.bytes + math.prod(header.shape) * header.dtype.itemsize
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
    except (IdxFormatError, IdxSizeError):
        return None
    return header.bytes + header.shape[0] * header.row_bytes


def _parse_header(path: Path, file: IO[bytes]) -> IdxHeader:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 1 <= magic[3] <= 64:
        raise IdxFormatError(
            path,
            expected="an IDX file: bytes 00 00, an element type from 08 to 0e, 1 to 64 dimensions",
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
    return IdxHeader(np.dtype(_DTYPES[magic[2]]), shape, 4 + len(dimensions))


def read_idx_rows(path: Path, header: IdxHeader, start: int, stop: int) -> npt.NDArray[np.generic]:
    """Return rows `[start, stop)` of a checked IDX file, [b, *shape[1:]] in native byte order.

    No other part of the file is read, unless it is compressed.

    Raises:
        IdxSizeError: The file has become shorter since its header was read.
    """
    batch = np.empty((stop - start, *header.shape[1:]), header.dtype)
    with open_raw(path) as file:
        file.seek(header.bytes + start * header.row_bytes)
        _read_exactly(path, file, batch.reshape(-1).view(np.uint8).data)
    return batch.astype(header.dtype.newbyteorder("="), copy=False)


def _read_exactly(path: Path, file: IO[bytes], buffer: memoryview) -> None:
    while buffer:
        n = file.readinto(buffer)  # type: ignore[attr-defined]
        if not n:
            raise IdxSizeError(
                path,
                expected="the size that it had when its header was read",
                found="an earlier end",
                fix="leave the file alone while it is read",
            )
        buffer = buffer[n:]
