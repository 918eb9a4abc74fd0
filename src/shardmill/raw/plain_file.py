"""Decompresses raw files, converts them to UTF-8, and hashes what was published."""

import codecs
import hashlib
import io
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

from isal import igzip, isal_zlib

from shardmill.errors import (
    CompressionError,
    EmptyFileError,
    EncodingError,
    OutputError,
    UnreadableFileError,
)

# RFC 1952, section 2.3.1; RFC 8878, section 3.1.1
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_BLOCK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A raw file that was read to its end, and where its plain content is.

    Attributes:
        path: The file with the plain content: the raw file itself, or its copy.
        bytes: The size of the content after decompression and before transcoding.
        sha256: The SHA-256 of that content.
        md5: The MD5 of that content; None if it was not asked for.
        stat: The facts of the file system about the raw file before it was read; see `file_stat`.
    """

    path: Path
    bytes: int
    sha256: str
    md5: str | None
    stat: tuple[int, ...]


def plain_copy(
    path: Path, target: Path | None, *, encoding: str | None = "utf-8", md5: bool = False
) -> PlainFile:
    """Read a raw file once: hash it, and write it to `target` unless it is plain already.

    Args:
        path: The raw file: plain, gzip or zstd, told apart by its first bytes. Several gzip
            members or zstd frames after one another are one content.
        target: The file to write if `path` is compressed or not UTF-8; None to hash only.
        encoding: The encoding of the text; None for other content. UTF-8 is not checked here.
        md5: Whether to hash with MD5 too.

    Raises:
        EmptyFileError: The file holds nothing.
        CompressionError: The file is cut short or damaged.
        EncodingError: The file is not in the encoding.
        UnreadableFileError: The file cannot be read.
        OutputError: The copy cannot be written.
    """
    stat = file_stat(path)
    transcoder = None if encoding is None or is_utf8(encoding) else _Transcoder(path, encoding)
    copied = target is not None and not is_plain(path, encoding)
    size = 0
    with ExitStack() as stack:
        digests = stack.enter_context(_Digests(md5=md5))
        copy = stack.enter_context(_Copy(target)) if target is not None and copied else None
        for block in _blocks(path):
            size += len(block)
            digests.update(block)
            if copy is not None:
                copy.write(block if transcoder is None else transcoder.to_utf8(block))
        if size == 0:
            raise EmptyFileError(
                path,
                expected="at least one row",
                found="an empty file",
                fix="fetch or copy it again",
            )
        if copy is not None:
            copy.finish(b"" if transcoder is None else transcoder.to_utf8(b"", final=True))
    sha256, md5_hex = digests.hex()
    place = target if target is not None and copied else path
    return PlainFile(place, size, sha256, md5_hex, stat)


@contextmanager
def open_raw(path: Path) -> Iterator[IO[bytes]]:
    """Open a raw file for reading, decompressed if its content (not its name) is compressed.

    Raises:
        CompressionError: The file is cut short or damaged. Reading from it raises this too.
        UnreadableFileError: The file cannot be read.
    """
    compression = _compression(path)
    try:
        with _open(path, compression) as file:
            yield file
    except (EOFError, isal_zlib.error, OSError) as error:
        # If the content is wrong, neither Arrow nor gzip sets errno.
        if isinstance(error, OSError) and error.errno is not None:
            raise _unreadable(path, error) from None
        raise CompressionError(
            path,
            expected=f"a whole {compression} file",
            found=f"one that is cut short or damaged ({error})",
            fix="fetch or copy the file again",
        ) from None


def is_utf8(encoding: str) -> bool:
    """Say whether text in this encoding needs no transcoding. A byte order mark does no harm."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def is_plain(path: Path, encoding: str | None) -> bool:
    """Say whether a raw file can be read as it is: not compressed, and in UTF-8 if it is text."""
    return _compression(path) is None and (encoding is None or is_utf8(encoding))


def file_stat(path: Path) -> tuple[int, ...]:
    """Return facts that change when a file does: size, times of modification and change, inode.

    Raises:
        UnreadableFileError: The file is not there.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    return stat_facts(facts)


def stat_facts(facts: os.stat_result) -> tuple[int, ...]:
    """Return the facts that `file_stat` gives, from what the system says of a file."""
    return (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)


def _open(path: Path, compression: str | None) -> AbstractContextManager[IO[bytes]]:
    if compression == "gzip":
        return cast("AbstractContextManager[IO[bytes]]", igzip.open(path, "rb"))
    if compression == "zstd":
        # Imported here, since a check that a build is up to date needs no Arrow.
        import pyarrow as pa

        stream = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return cast("AbstractContextManager[IO[bytes]]", io.BufferedReader(stream, _BLOCK_BYTES))
    return path.open("rb")


def _compression(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            start = file.read(max(map(len, _MAGIC)))
    except OSError as error:
        raise _unreadable(path, error) from None
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


def _blocks(path: Path) -> Iterator[bytes]:
    with open_raw(path) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _unreadable(path: Path, error: OSError) -> UnreadableFileError:
    found = str(error.strerror or error)
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    fix = "check the path" if missing else "check its permissions"
    return UnreadableFileError(path, expected="a readable file", found=found, fix=fix)


class _Digests:
    """Hashes blocks in other threads while the caller prepares the next one."""

    def __init__(self, *, md5: bool) -> None:
        self._hashes = [hashlib.sha256()]
        if md5:
            self._hashes.append(hashlib.md5(usedforsecurity=False))
        self._threads = ThreadPoolExecutor(len(self._hashes))
        self._running: list[Future[None]] = []

    def update(self, block: bytes) -> None:
        self._wait()
        self._running = [self._threads.submit(hash_.update, block) for hash_ in self._hashes]

    def hex(self) -> tuple[str, str | None]:
        self._wait()
        sha256, *others = (hash_.hexdigest() for hash_ in self._hashes)
        return sha256, others[0] if others else None

    def _wait(self) -> None:
        for future in self._running:
            future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()


class _Copy:
    """A file that is removed again unless it was finished."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._finished = False

    def write(self, block: bytes) -> None:
        try:
            self._file.write(block)
        except OSError as error:
            raise self._unwritable(error) from None

    def finish(self, block: bytes) -> None:
        self.write(block)
        try:
            self._file.close()
        except OSError as error:
            raise self._unwritable(error) from None
        self._finished = True

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError.unwritable(self._path, error, fix="make room, or choose another folder")

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("wb")  # a buffered file writes everything, or fails
        except OSError as error:
            raise self._unwritable(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self._finished:
            self._path.unlink(missing_ok=True)


class _Transcoder:
    """Turns text that comes in blocks into UTF-8."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path = path
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def to_utf8(self, block: bytes, *, final: bool = False) -> bytes:
        try:
            return self._decoder.decode(block, final).encode()
        except UnicodeError as error:
            raise EncodingError(
                f"{self._path}, line {self._line()}",
                expected=self._encoding,
                found=f"bytes that are not ({getattr(error, 'reason', error)})",
                fix="correct `encoding` in the recipe, or convert the file",
            ) from None

    def _line(self) -> int:
        """Return the line of the first fault, by decoding the file again, there byte by byte."""
        decoder = codecs.getincrementaldecoder(self._encoding)()
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        line = 1
        try:
            for block in _blocks(self._path):
                state = decoder.getstate()
                try:
                    line += _count_newlines(decoder.decode(block), newlines)
                except UnicodeError:
                    decoder.setstate(state)
                    for byte in block:
                        line += _count_newlines(decoder.decode(bytes([byte])), newlines)
        except UnicodeError:
            pass
        return line + newlines.decode("", final=True).count("\n")


def _count_newlines(text: str, newlines: io.IncrementalNewlineDecoder) -> int:
    text.encode()  # text that UTF-8 cannot hold is a fault too
    return newlines.decode(text).count("\n")
