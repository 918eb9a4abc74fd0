"""One span of memory over all shards of a tensor: the heart of the reader.

A batch must be one gather, however many shards its rows lie in. Gathering shard by shard costs a
call for each shard that a batch touches: over 256 shards it was fifty times slower. So one span of
address space is reserved, and the pages of each shard's file are mapped into their place in it
(`mmap` with MAP_FIXED, POSIX.1). Address space costs nothing; memory is the page cache, shared
between processes. The format keeps every tensor at page borders for this.

What no shard covers reads as zeros. The pages are mapped read-only: a write would end the process,
so nothing that leaves the reader is a writable view of them.
"""

import ctypes
import mmap
import os
import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from shardmill.errors import DamagedFileError
from shardmill.format.layout import ALIGNMENT

Span = ctypes.Array[ctypes.c_char]
Advice = Literal["normal", "random", "sequential", "will_need"]

_MAP_FIXED = 0x10  # the same number on Linux and macOS; the mmap module does not name it
_MAP_NORESERVE = 0x4000 if sys.platform == "linux" else 0x40
# What is reserved follows from sizes in the manifest. Up to so many bytes of address space any
# system gives, and if a size is wrong, the first shard tells. For more, all files are looked at
# before anything is reserved, since a size may be absurd.
CHECKED_BYTES = 2**32
# So many regions are mapped without a look at how many there are.
FEW_MAPS = 1_024
_MOST_MAPS = 65_530  # where the system does not say how many a process may have
_FAILED = ctypes.c_void_p(-1).value
_ADVICE: dict[Advice, str] = {
    "normal": "MADV_NORMAL",
    "random": "MADV_RANDOM",
    "sequential": "MADV_SEQUENTIAL",
    "will_need": "MADV_WILLNEED",
}


# The bytes of one tensor in a shard: their start and length in the file, and the place in the span
# of the tensor where they begin. Start and place lie at page borders.
Piece = tuple[int, int, int]


class ShardPieces(NamedTuple):
    """What opens the file of a shard and returns its descriptor, and a piece for every span."""

    open: Callable[[], int]
    pieces: tuple[Piece, ...]


def can_map_files() -> bool:
    """Say whether this system maps files at given addresses."""
    return os.name == "posix"


def can_map_spans() -> bool:
    """Say whether it does so at our alignment."""
    return can_map_files() and ALIGNMENT % mmap.PAGESIZE == 0


def maps_left() -> int:
    """Return how many more regions this process may map.

    Linux limits them (`vm.max_map_count`), and counts those of libraries and large arrays, too.
    """
    try:
        most = int(Path("/proc/sys/vm/max_map_count").read_text())
        used = Path("/proc/self/maps").read_bytes().count(b"\n")
    except OSError:
        return _MOST_MAPS
    return max(most - used, 0)


def map_spans(sizes: Sequence[int], shards: Iterable[ShardPieces]) -> list[Span]:
    """Return a span of each of `sizes` bytes: every piece in its place, and zeros elsewhere.

    The memory of a span is unmapped when the last view of it is gone.

    Raises:
        DamagedFileError: A file is missing or of another size than promised.
        OSError: The system refuses the mapping.
    """
    if sum(sizes) > CHECKED_BYTES:
        shards = list(shards)
        for shard in shards:
            os.close(shard.open())
    spans = [reserve(size) for size in sizes]
    for shard in shards:
        map_shard(spans, shard)
    return spans


def map_shard(spans: Sequence[Span], shard: ShardPieces) -> None:
    """Map every piece of a shard into its place, in place of what is there.

    Raises:
        DamagedFileError: The file is missing or of another size than promised.
        OSError: The system refuses the mapping.
    """
    mmap_, flags = _libc().mmap, mmap.MAP_SHARED | _MAP_FIXED
    descriptor = shard.open()
    try:
        for span, (start, length, position) in zip(spans, shard.pieces, strict=True):
            place = ctypes.addressof(span) + position
            if length and mmap_(place, length, mmap.PROT_READ, flags, descriptor, start) == _FAILED:
                raise _map_error(length)
    finally:
        os.close(descriptor)


def advise(span: Span, start: int, stop: int, advice: Advice) -> None:
    """Tell the system how bytes [start, stop) of a span will be read; it may ignore that."""
    code = getattr(mmap, _ADVICE[advice], None)
    start, stop = max(start, 0), min(stop, len(span))  # offsets of a damaged shard may be anything
    if code is not None and stop > start:
        first = start // mmap.PAGESIZE * mmap.PAGESIZE
        _libc().madvise(ctypes.addressof(span) + first, stop - first, code)


def open_checked(path: str, file_bytes: int) -> int:
    """Open a file for reading and return its descriptor, if it has the size promised.

    A map that reaches past the end of its file would end the process when it is read.

    Raises:
        DamagedFileError: The file is missing, or has another size.
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
    found = os.lseek(descriptor, 0, os.SEEK_END)
    if found != file_bytes:
        os.close(descriptor)
        raise DamagedFileError(
            path,
            expected=f"a shard of {file_bytes:,} bytes",
            found=f"{found:,}",
            fix="copy it anew, or build it with `shardmill preprocess --force`",
        )
    return descriptor


def map_at(span: Span, position: int, size: int, descriptor: int) -> None:
    """Map the first `size` bytes of a file into a span, in place of what is there.

    Raises:
        OSError: The system refuses the mapping.
    """
    place, flags = ctypes.addressof(span) + position, mmap.MAP_SHARED | _MAP_FIXED
    if size and _libc().mmap(place, size, mmap.PROT_READ, flags, descriptor, 0) == _FAILED:
        raise _map_error(size)


def clear_at(span: Span, position: int, size: int) -> None:
    """Put zeros into a part of a span, in place of what is mapped there.

    Raises:
        OSError: The system refuses the mapping.
    """
    place, flags = ctypes.addressof(span) + position, _anonymous() | _MAP_FIXED
    if size and _libc().mmap(place, size, mmap.PROT_READ, flags, -1, 0) == _FAILED:
        raise _map_error(size)


def read_into(memory: memoryview, descriptor: int, start: int) -> None:
    """Fill memory with the bytes of a file from `start` on.

    Raises:
        EOFError: The file ends before.
    """
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        file.seek(start)
        while memory:
            count = file.readinto(memory)
            if not count:
                raise EOFError(f"{len(memory):,} bytes are missing at the end of a file")
            memory = memory[count:]


def reserve(size: int) -> Span:
    """Return a span of zeros, which takes address space and no memory.

    Raises:
        OSError: The system refuses the memory.
    """
    if not can_map_files():
        return (ctypes.c_char * max(size, 1))()
    size = max(size, 1)
    address = _libc().mmap(None, size, mmap.PROT_READ, _anonymous(), -1, 0)
    if address == _FAILED:
        raise _map_error(size)
    span = (ctypes.c_char * size).from_address(address)
    # The span is not unmapped when Python exits: other exit hooks may still read it, and the system
    # unmaps everything by itself.
    weakref.finalize(span, _libc().munmap, address, size).atexit = False
    return span


def _anonymous() -> int:
    return mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE


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
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return libc


def _map_error(size: int) -> OSError:
    code = ctypes.get_errno()
    return OSError(
        code,
        f"mmap of {size:,} bytes: {os.strerror(code)}; if there are very many shards, make "
        "fewer of more rows, or raise how many maps a process may have (vm.max_map_count)",
    )
