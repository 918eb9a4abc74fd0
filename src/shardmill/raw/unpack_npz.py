"""Writes `.npz` files of numpy without the compression of their arrays, so rows can be read."""

import zipfile
import zlib
from pathlib import Path
from typing import IO

from shardmill.errors import OutputError
from shardmill.raw.decompress import open_raw
from shardmill.raw.plain_file import check_room
from shardmill.raw.read_npy import NPZ, arrays_of, damaged
from shardmill.store.mounts import here

_BLOCK_BYTES = 2**26


def unpack_npz(path: Path, copy: Path, *, name: Path) -> Path:
    """Return a file itself, or a copy with the same arrays if some of them are compressed.

    The checksums of all arrays are compared with their content.

    Args:
        path: A raw file of any format. Only a zip archive is ever copied.
        copy: The file to write.
        name: The path that errors name.

    Raises:
        ArrayFormatError: The file is damaged, or an array needs a password.
        OutputError: The copy cannot be written.
    """
    with open_raw(path) as start:
        if start.read(len(NPZ)) != NPZ:
            return path
    try:
        with zipfile.ZipFile(here(path)) as archive:
            arrays = list(arrays_of(archive).values())
            if all(member.compress_type == zipfile.ZIP_STORED for member in arrays):
                for member in arrays:
                    with archive.open(member) as file:
                        _copy(file, None)
                return path
            _write(archive, arrays, copy)
            return copy
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # zipfile raises a RuntimeError if there is a password.
        raise damaged(name, str(error) or "an earlier end") from None


def _write(archive: zipfile.ZipFile, arrays: list[zipfile.ZipInfo], copy: Path) -> None:
    try:
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as stored:
            for member in arrays:
                with (
                    archive.open(member) as file,
                    stored.open(member.filename, "w", force_zip64=True) as target,
                ):
                    _copy(file, target, folder=copy.parent)
    except OSError as error:
        fix = "make room, or choose another folder"
        raise OutputError.unwritable(copy, error, fix=fix) from None


def _copy(file: IO[bytes], target: IO[bytes] | None, *, folder: Path | None = None) -> None:
    """Read a member to its end, where its checksum is looked at, and write it if asked to."""
    while block := file.read(_BLOCK_BYTES):
        if target is not None and folder is not None:
            check_room(folder, len(block))
            target.write(block)
