"""Reads the headers of `.npy` files, alone or as members of an `.npz`.

The format is that of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html: a
magic number, a header in text, then the elements. An `.npz` is a zip archive of such files. Arrays
of Python objects are pickles, and are refused.
"""

import struct
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from shardmill.errors import ArrayFormatError, EmptyFileError
from shardmill.faults import hint
from shardmill.raw.array_header import ArrayHeader
from shardmill.recipe.names import listed
from shardmill.store.mounts import here

NPY, NPZ = b"\x93NUMPY", b"PK\x03\x04"
_DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float32", "float64", "bool")
_FETCH = "fetch or copy the file again, or write it again with numpy"
# A local header of a zip archive has 30 bytes, a name and extra fields, whose lengths stand at the
# end of the 30; see section 4.3.7 of https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
_LOCAL_BYTES, _LENGTHS = 30, slice(26, 30)


def read_npy_header(path: Path, content_bytes: int, *, name: Path) -> ArrayHeader:
    """Return the header of the array in a `.npy` file.

    Args:
        path: The file to read.
        content_bytes: Its size.
        name: The path that errors name.

    Raises:
        ArrayFormatError: The file is damaged, or no tensor holds elements of this type.
        EmptyFileError: There are no rows.
    """
    with here(path).open("rb") as file:
        return _header(file, name, start=0, size=content_bytes)


def read_npz_header(path: Path, *, name: Path, array: str | None) -> ArrayHeader:
    """Return the header of an array in an `.npz` file whose members are not compressed.

    Args:
        path: The file to read; see `unpack_npz`.
        name: The path that errors name.
        array: The name of the array; None if the file has only one.

    Raises:
        ArrayFormatError: The file is damaged, there is no such array, or there are several and no
            name, or no tensor holds elements of this type.
        EmptyFileError: There are no rows.
    """
    try:
        with zipfile.ZipFile(here(path)) as archive:
            member = _member(archive, name, array)
        with here(path).open("rb") as file:
            file.seek(member.header_offset)
            local = file.read(_LOCAL_BYTES)
            start = member.header_offset + _LOCAL_BYTES + sum(struct.unpack("<2H", local[_LENGTHS]))
            file.seek(start)
            where = f"{name}, array {member.filename.removesuffix('.npy')}"
            return _header(file, where, start=start, size=member.file_size)
    except (zipfile.BadZipFile, struct.error) as error:
        raise damaged(name, str(error)) from None


def names_in(file: Path) -> tuple[str, ...]:
    """Return the names of the arrays in a file; none unless it is an `.npz`."""
    try:
        with zipfile.ZipFile(here(file)) as archive:
            return tuple(arrays_of(archive))
    except zipfile.BadZipFile:
        return ()


def damaged(where: object, found: str) -> ArrayFormatError:
    """Return the error for a file of arrays that is not whole."""
    return ArrayFormatError(where, expected="a whole file of numpy", found=found, fix=_FETCH)


def arrays_of(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members of an `.npz` that are arrays, by the names of the arrays."""
    members = archive.infolist()
    return {m.filename.removesuffix(".npy"): m for m in members if m.filename.endswith(".npy")}


def _member(archive: zipfile.ZipFile, path: Path, array: str | None) -> zipfile.ZipInfo:
    members = arrays_of(archive)
    if not members:
        raise damaged(path, "a zip archive without arrays")
    if array is None and len(members) > 1:
        entry = f'{{ path = "{path.name}", array = "{next(iter(members))}" }}'
        raise ArrayFormatError(
            path,
            expected="one array, or the name of one of several",
            found=f"the arrays {listed(tuple(members))}",
            fix=f"name one in the recipe, as in {entry}",
        )
    if array is not None and array not in members:
        raise ArrayFormatError(
            path,
            expected=f"an array {array!r}",
            found=f"only {listed(tuple(members))}",
            fix=hint(array, tuple(members), "correct the key array in the recipe"),
        )
    return members[array] if array is not None else next(iter(members.values()))


def _header(file: IO[bytes], where: object, *, start: int, size: int) -> ArrayHeader:
    """Return the header of an array of `size` bytes that begins with byte `start` of a file."""
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except (ValueError, EOFError) as error:
        raise damaged(where, f"a header that is none ({error})") from None
    known = not dtype.hasobject and dtype.names is None and dtype.name in _DTYPES
    if not known:
        found = "Python objects, which are pickles" if dtype.hasobject else str(dtype)
        raise ArrayFormatError(
            where,
            expected=f"elements of one of {listed(_DTYPES)}",
            found=found,
            fix='convert the array with numpy, as in x.astype("float32"), and save it again',
        )
    if not shape or 0 in shape:
        found = "a single number" if not shape else f"an array of shape {list(shape)}"
        fix = "name another array or file"
        raise EmptyFileError(where, expected="at least one row", found=found, fix=fix)
    # A bool is stored as a byte of 0 or 1.
    stored = np.dtype(np.uint8) if dtype.name == "bool" else dtype
    first = file.tell()
    header = ArrayHeader(stored, tuple(shape), first, fortran and len(shape) > 1)
    if first - start + header.bytes != size:
        raise damaged(where, f"{size:,} bytes, where {first - start + header.bytes:,} must be")
    return header
