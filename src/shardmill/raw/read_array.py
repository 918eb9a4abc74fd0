"""Reads arrays of numbers, whichever file they are in: IDX, or the `.npy` and `.npz` of numpy."""

from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from shardmill.errors import ArrayFormatError, ChangedFileError
from shardmill.raw.array_header import ArrayHeader
from shardmill.raw.decompress import open_raw
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_idx import read_idx_header
from shardmill.raw.read_npy import NPY, NPZ, read_npy_header, read_npz_header
from shardmill.store.mounts import here


def read_array_header(file: RawContent, array: str | None = None) -> ArrayHeader:
    """Return what a file says of an array in it. Its format is told by its first bytes.

    Args:
        file: The file.
        array: The name of the array in an `.npz`; None if it has only one.

    Raises:
        IdxSizeError: An IDX file has another size than its header says.
        ArrayFormatError: The file is of none of these formats or damaged, there is no such array,
            or there are several and no name, or no tensor holds such elements.
        EmptyFileError: There are no rows.
    """
    path, name = file.readable, file.path
    with open_raw(path) as content:
        start = content.read(len(NPY))
    if start.startswith(NPZ):
        return read_npz_header(path, name=name, array=array)
    if array is not None:
        found = "the .npy of numpy, which has one" if start == NPY else "a file of another format"
        fix = "leave the key array out of the recipe"
        raise ArrayFormatError(name, expected="an .npz with named arrays", found=found, fix=fix)
    if start == NPY:
        return read_npy_header(path, file.bytes, name=name)
    return read_idx_header(path, file.bytes, name=name)


def read_array_rows(
    path: Path, header: ArrayHeader, start: int, stop: int
) -> npt.NDArray[np.generic]:
    """Return rows `[start, stop)` of a checked array, [b, *shape[1:]] in native byte order.

    No other part of the file is read, unless it is compressed or in Fortran order.

    Raises:
        ChangedFileError: The file has become shorter since its header was read.
    """
    native = header.dtype.newbyteorder("=")
    if header.fortran:
        _check_size(path, header)
        shape, first = header.shape, header.start
        rows = np.memmap(here(path), header.dtype, "r", first, shape, order="F")[start:stop]
        return np.ascontiguousarray(rows, native)
    batch = np.empty((stop - start, *header.shape[1:]), header.dtype)
    with open_raw(path) as file:
        file.seek(header.start + start * header.row_bytes)
        _read_exactly(path, file, batch.reshape(-1).view(np.uint8).data)
    return batch.astype(native, copy=False)


def _check_size(path: Path, header: ArrayHeader) -> None:
    # To read a mapped file beyond its end would end the process.
    if here(path).stat().st_size < header.start + header.bytes:
        raise _shorter(path)


def _read_exactly(path: Path, file: IO[bytes], buffer: memoryview) -> None:
    while buffer:
        n = file.readinto(buffer)  # type: ignore[attr-defined]
        if not n:
            raise _shorter(path)
        buffer = buffer[n:]


def _shorter(path: Path) -> ChangedFileError:
    return ChangedFileError(
        path,
        expected="the size that it had when its header was read",
        found="an earlier end",
        fix="leave the file alone while it is read",
    )
