"""One span of memory over all shards of a field: the heart of the reader.

A batch must be one gather, however many shards its rows lie in. Gathering shard by shard costs a
call for each shard that a batch touches: over 256 shards it was fifty times slower. So one span of
address space is reserved, and the pages of each shard's file are mapped into their place in it
(`mmap` with MAP_FIXED, POSIX.1). Address space costs nothing; memory is the page cache, shared
between processes. The format keeps every field at page borders for this.

What no shard covers reads as zeros. The pages are mapped read-only: a write would end the process,
so nothing that leaves the reader is a writable view of them.
"""

import ctypes
import mmap
import os
import sys
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from shardmill.errors import DamagedFileError
from shardmill.layout import ALIGNMENT

_MAP_FIXED = 0x10  # the same number on Linux and macOS; the mmap module does not name it
_MAP_NORESERVE = 0x4000 if sys.platform == "linux" else 0x40
_FAILED = ctypes.c_void_p(-1).value


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a file and its place in the span; both begin at a page border.

    Attributes:
        path: the shard.
        file_bytes: size that the manifest promises for the whole file.
        start, length: the bytes of the file that are mapped.
        position: where they begin in the span.
    """

    path: Path
    file_bytes: int
    start: int
    length: int
    position: int


def can_map_spans() -> bool:
    """Say whether this system maps files at given addresses, at our alignment."""
    return os.name == "posix" and ALIGNMENT % mmap.PAGESIZE == 0


def map_span(pieces: Sequence[Piece], size: int) -> "ctypes.Array[ctypes.c_char]":
    """Return `size` bytes with every piece at its position and zeros elsewhere.

    The memory is unmapped when the last view of it is gone.

    Raises:
        DamagedFileError: a file is missing or of another size than promised.
        OSError: the system refuses the mapping.
    """
    libc = _libc()
    size = max(size, 1)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
    address = _mmap(libc, None, size, flags, -1, 0)
    block = (ctypes.c_char * size).from_address(address)
    # Not when Python exits: other exit hooks may still read, and the system unmaps all by itself.
    weakref.finalize(block, libc.munmap, address, size).atexit = False
    for piece in pieces:
        if piece.length == 0:
            continue
        descriptor = open_checked(piece.path, piece.file_bytes)
        try:
            flags = mmap.MAP_SHARED | _MAP_FIXED
            _mmap(libc, address + piece.position, piece.length, flags, descriptor, piece.start)
        finally:
            os.close(descriptor)
    return block


def open_checked(path: Path, file_bytes: int) -> int:
    """Open a file for reading and return its descriptor, if it has the size promised.

    A map that reaches past the end of its file would end the process when it is read.

    Raises:
        DamagedFileError: it is missing, or has another size.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise DamagedFileError(
            path,
            expected=f"a shard of {file_bytes:,} bytes",
            found=str(error.strerror),
            fix="open the artifact again if it was rebuilt meanwhile; "
            "otherwise build it with `shardmill preprocess`",
        ) from None
    found = os.fstat(descriptor).st_size
    if found != file_bytes:
        os.close(descriptor)
        raise DamagedFileError(
            path,
            expected=f"a shard of {file_bytes:,} bytes",
            found=f"{found:,}",
            fix="copy it anew, or build it with `shardmill preprocess --force`",
        )
    return descriptor


@cache
def _libc() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int64,
    ]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc


def _mmap(
    libc: Any, address: int | None, size: int, flags: int, descriptor: int, start: int
) -> int:
    mapped: int = libc.mmap(address, size, mmap.PROT_READ, flags, descriptor, start)
    if mapped == _FAILED:
        code = ctypes.get_errno()
        raise OSError(code, f"mmap of {size:,} bytes: {os.strerror(code)}")
    return mapped
