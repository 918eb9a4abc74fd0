"""Copies raw files, decompressed and in UTF-8, and hashes what was published."""

import codecs
import errno
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shardmill.ended_threads import EndedThreads
from shardmill.errors import (
    CompressionError,
    EmptyFileError,
    EncodingError,
    OutputError,
)
from shardmill.raw.content_digest import BLOCK_BYTES, Digest
from shardmill.raw.decompress import check_text, compression_of, file_stat, open_raw

_BLOCK_BYTES = 2**20
# So much of a disk is left free by copies of compressed files, and so often it is looked at.
_FREE_BYTES = 2**28
_LOOK_BYTES = 2**26


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A raw file that was read to its end, and where its plain content is.

    Attributes:
        path: The file with the plain content: the raw file itself, or its copy.
        bytes: The size of the content after decompression and before transcoding.
        digest: The digest of that content; see `content_digest`.
        checksum: The checksum of that content as recipes write it, `sha256:` or `md5:` and
            hexadecimal digits; None if it was not asked for.
        stat: The facts of the file system about the raw file before it was read; see `file_stat`.
    """

    path: Path
    bytes: int
    digest: str
    checksum: str | None
    stat: tuple[int, ...]


def plain_copy(
    path: Path,
    target: Path | None,
    *,
    encoding: str | None = "utf-8",
    algorithm: str | None = None,
    promised: Callable[[bytes], int | None] | None = None,
    on_read: Callable[[int], None] | None = None,
) -> PlainFile:
    """Read a raw file once: hash it, and write it to `target` unless it is plain already.

    Args:
        path: The raw file: plain, gzip, zstd, xz or bzip2, told apart by its first bytes. Several
            gzip members, zstd frames or streams after one another are one content.
        target: The file to write if `path` is compressed or not UTF-8; None to hash only.
        encoding: The encoding of the text; None for other content. UTF-8 is not checked here.
        algorithm: `sha256` or `md5` for the checksum of the content; None for no checksum.
        promised: Says by the first bytes of the content how many it has in all, or None. A
            compressed file is read no further.
        on_read: What to call after each block, with the bytes that were read of the raw file.

    Raises:
        BinaryFileError: The file should be text, and is of another known format.
        EmptyFileError: The file holds nothing.
        CompressionError: The file is cut short or damaged.
        EncodingError: The file is not in the encoding.
        UnreadableFileError: The file cannot be read.
        OutputError: The copy cannot be written.
    """
    stat = file_stat(path)
    transcoder = None if encoding is None or is_utf8(encoding) else _Transcoder(path, encoding)
    copied = target is not None and not is_plain(path, encoding)
    size, most = 0, None
    with ExitStack() as stack:
        digests = stack.enter_context(_Digests(algorithm))
        copy = stack.enter_context(_Copy(target)) if target is not None and copied else None
        for block in _blocks(path, on_read):
            if size == 0:
                check_text(path, block, encoding)
                most = (
                    promised(block) if promised is not None and not is_plain(path, None) else None
                )
            size += len(block)
            if most is not None and size > most:
                raise _too_much(path, most)
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
    place = target if target is not None and copied else path
    return PlainFile(place, size, digests.digest(), digests.checksum(), stat)


def is_utf8(encoding: str) -> bool:
    """Say whether text in this encoding needs no transcoding. A byte order mark does no harm."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def is_plain(path: Path, encoding: str | None) -> bool:
    """Say whether a raw file can be read as it is: not compressed, and in UTF-8 if it is text."""
    return compression_of(path) is None and (encoding is None or is_utf8(encoding))


def _blocks(path: Path, on_read: Callable[[int], None] | None = None) -> Iterator[bytes]:
    with open_raw(path) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
            if on_read is not None:
                # Not every reader of compressed files says where it is in them.
                with suppress(OSError, AttributeError):
                    on_read(os.lseek(file.fileno(), 0, os.SEEK_CUR))


def _too_much(path: Path, most: int) -> CompressionError:
    return CompressionError(
        path,
        expected=f"{most:,} bytes after decompression, as its header says",
        found="more",
        fix="fetch or copy the file again",
    )


def check_room(folder: Path, size: int) -> None:
    """Check that a disk keeps some room if `size` more bytes are written to it.

    A small file may become so large, decompressed, that others would find no room.

    Raises:
        OSError: It does not.
    """
    if shutil.disk_usage(folder).free < _FREE_BYTES + size:
        raise OSError(errno.ENOSPC, f"less than {_FREE_BYTES >> 20} MiB would be left free")


class _Digests:
    """Hashes blocks in other threads while the caller prepares the next one.

    The SHA-256 of the content begins as its digest does, so it is taken only from the second block
    of the digest on.
    """

    def __init__(self, algorithm: str | None) -> None:
        self._digest = Digest()
        self._room = BLOCK_BYTES if algorithm == "sha256" else 0  # of what both share
        self._whole = None if algorithm is None else hashlib.new(algorithm, usedforsecurity=False)
        self._threads = EndedThreads(1 if algorithm is None else 2)
        self._running: list[Future[None]] = []

    def update(self, content: bytes) -> None:
        self._wait()
        block = memoryview(content)
        if self._room:
            shared, block = block[: self._room], block[self._room :]
            self._room -= len(shared)
            if self._room:
                self._running = [self._threads.submit(self._digest.update, shared)]
                return
            self._digest.update(shared)
            self._whole = self._digest.block()
        self._running = [self._threads.submit(self._digest.update, block)]
        if self._whole is not None:
            self._running.append(self._threads.submit(self._whole.update, block))

    def digest(self) -> str:
        self._wait()
        return self._digest.hex()

    def checksum(self) -> str | None:
        self._wait()
        if self._room:
            return f"sha256:{self._digest.hex()}"
        return None if self._whole is None else f"{self._whole.name}:{self._whole.hexdigest()}"

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
        self._unlooked = 0

    def write(self, block: bytes) -> None:
        self._unlooked += len(block)
        try:
            if self._unlooked >= _LOOK_BYTES:
                self._unlooked = 0
                check_room(self._path.parent, _LOOK_BYTES)
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
