"""Opens raw files, decompressed if they are compressed."""

import bz2
import io
import lzma
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, cast

from isal import igzip, isal_zlib

from shardmill.errors import BinaryFileError, CompressionError, UnreadableFileError
from shardmill.raw.name_format import name_format, reads_it
from shardmill.store.mounts import here

# RFC 1952, section 2.3.1; RFC 8878, section 3.1.1; section 2.1.1.1 of
# https://tukaani.org/xz/xz-file-format.txt. In a bzip2 file, the size of its blocks and the
# digits of pi follow the first three bytes.
_MAGIC = {
    rb"\x1f\x8b": "gzip",
    rb"\x28\xb5\x2f\xfd": "zstd",
    rb"\xfd7zXZ\x00": "xz",
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": "bzip2",
}
_MAGIC_BYTES = 10
_BUFFER_BYTES = 2**20


@contextmanager
def open_raw(path: Path) -> Iterator[IO[bytes]]:
    """Open a raw file for reading, decompressed if its content (not its name) is compressed.

    Raises:
        CompressionError: The file is cut short or damaged. Reading from it raises this too.
        UnreadableFileError: The file cannot be read.
    """
    compression = compression_of(path)
    try:
        with _open(here(path), compression) as file:
            yield file
    except (EOFError, isal_zlib.error, lzma.LZMAError, OSError) as error:
        # If the content is wrong, neither Arrow nor gzip sets errno.
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(path, error) from None
        raise CompressionError(
            path,
            expected=f"a whole {compression} file",
            found=f"one that is cut short or damaged ({error})",
            fix="fetch or copy the file again",
        ) from None


def file_stat(path: Path) -> tuple[int, ...]:
    """Return facts that change when a file does: size, times of modification and change, inode.

    Raises:
        UnreadableFileError: The file is not there.
    """
    try:
        facts = here(path).stat()
    except OSError as error:
        raise unreadable(path, error) from None
    return stat_facts(facts)


def stat_facts(facts: os.stat_result) -> tuple[int, ...]:
    """Return the facts that `file_stat` gives, from what the system says of a file."""
    return (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)


def check_text(path: Path, start: bytes, encoding: str | None) -> None:
    """Compare the start of a file with what else it may be, if it should be text.

    Raises:
        BinaryFileError: It is of another known format.
    """
    found = None if encoding is None else name_format(start)
    if found == "an IDX file" and encoding is not None and len("a".encode(encoding)) > 1:
        return  # texts with several bytes a letter may begin with the same bytes
    if found is not None:
        raise BinaryFileError(path, expected="a text file", found=found, fix=reads_it(found))


def _open(path: Path, compression: str | None) -> AbstractContextManager[IO[bytes]]:
    if compression == "gzip":
        return cast("AbstractContextManager[IO[bytes]]", igzip.open(path, "rb"))
    if compression in ("xz", "bzip2"):
        module = lzma if compression == "xz" else bz2
        return cast("AbstractContextManager[IO[bytes]]", module.open(path, "rb"))
    if compression == "zstd":
        # Imported here, since a check that a build is up to date needs no Arrow.
        import pyarrow as pa

        stream = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return cast("AbstractContextManager[IO[bytes]]", io.BufferedReader(stream, _BUFFER_BYTES))
    return path.open("rb")


def compression_of(path: Path) -> str | None:
    """Return what a file is compressed with, by its first bytes; None if it is not.

    Raises:
        UnreadableFileError: The file cannot be read.
    """
    try:
        with here(path).open("rb") as file:
            start = file.read(_MAGIC_BYTES)
    except OSError as error:
        raise unreadable(path, error) from None
    return next((name for magic, name in _MAGIC.items() if re.match(magic, start)), None)


def unreadable(path: Path, error: OSError) -> UnreadableFileError:
    """Return the error for a file that the system refuses to open or to read."""
    found = str(error.strerror or error)
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    fix = "check the path" if missing else "check its permissions"
    return UnreadableFileError(path, expected="a readable file", found=found, fix=fix)
