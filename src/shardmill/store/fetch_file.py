"""Brings a file of an artifact from a store into a folder: whole, checked, and once for everybody.

The file is written beside its place, under a name that says how large it will be, and moved there
when it has the checksum of its record. Whoever writes holds a lock on it, which ends with the
process. A process that is killed leaves a part, and whoever comes next goes on with it.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import xxhash

from shardmill.atomic import make_folder, put_file
from shardmill.errors import DamagedFileError, OutputError
from shardmill.format.file_record import FileRecord
from shardmill.store.store import Store

_BLOCK = 2**20
_PART = ".part"


class StoppedError(Exception):
    """Somebody wanted to stop before the file was whole."""


def fetch_file(
    store: Callable[[], Store],
    folder: Path,
    record: FileRecord,
    *,
    begin: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
    wait: bool = True,
) -> int:
    """Return the descriptor of a file in a folder, to read, after bringing it there if need be.

    A file that is there and has the size of its record is taken as it is.

    Args:
        store: Returns the store of the artifact. It is asked only if the file is not there.
        folder: The folder of the artifact here.
        record: The record of the file.
        begin: A function that is called before anything is downloaded.
        stopped: A function that says, between two blocks, whether to stop.
        wait: Whether to wait for another process or thread that is bringing the same file.

    Raises:
        StoppedError: `stopped` said so, or somebody is not to be waited for.
        DamagedFileError: The store has other bytes than the record says.
        StorageError: The store refused or failed.
        OutputError: The file cannot be written.
    """
    path = folder / record.path
    part = part_of(path, record.bytes)
    try:
        while (found := open_whole(path, record.bytes)) is None:
            make_folder(path.parent)
            held = lock_part(part, wait=wait)
            if held is None:
                continue
            try:
                is_new = not _is_whole(path, record.bytes)  # it may have come meanwhile
                if is_new:
                    begin()
                    _complete(store(), record, held, stopped)
                    put_file(part, path)
                else:
                    part.unlink()
            except BaseException:
                _release(held)
                os.close(held)
                raise
            _release(held)
            if is_new:
                return held
            os.close(held)
    except BlockingIOError:
        raise StoppedError from None
    except OSError as error:
        fix = "free space, or give another folder or fewer bytes to the cache"
        raise OutputError.unwritable(path, error, fix=fix) from None
    return found


def part_of(path: Path, size: int) -> Path:
    """Return the path under which a file of so many bytes is written."""
    return path.with_name(f".{path.name}.{size}{_PART}")


def size_of_part(name: str) -> int | None:
    """Return how large a file will be of which there is a part; None if it is no part.

    Example:
        >>> size_of_part(".train-00000.safetensors.4096.part"), size_of_part("vocab.txt")
        (4096, None)
    """
    size = name.removesuffix(_PART).rpartition(".")[2]
    return int(size) if name.endswith(_PART) and size.isdecimal() else None


def open_whole(path: Path, size: int) -> int | None:
    """Return the descriptor of a file of this size, to read; None if there is none."""
    try:
        found = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    if os.fstat(found).st_size == size:
        return found
    os.close(found)
    return None


def lock_part(part: Path, *, wait: bool) -> int | None:
    """Open a part, which is made if there is none, and lock it; return its descriptor.

    Args:
        part: The path of the part.
        wait: Whether to wait for another that has locked it.

    Returns:
        None if the part was moved or removed before it was locked. Try again then.

    Raises:
        BlockingIOError: Somebody else has locked it, and `wait` is not set.
        OSError: It cannot be opened.
    """
    held = os.open(part, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        if os.path.samestat(os.fstat(held), part.stat()):
            return held
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(held)
        raise
    os.close(held)
    return None


def _is_whole(path: Path, size: int) -> bool:
    found = open_whole(path, size)
    if found is not None:
        os.close(found)
    return found is not None


def _release(held: int) -> None:
    # A process that was forked meanwhile has the descriptor, too. So closing it is not enough.
    fcntl.flock(held, fcntl.LOCK_UN)


def _complete(store: Store, record: FileRecord, held: int, stopped: Callable[[], bool]) -> None:
    """Download what a part lacks."""
    had = os.lseek(held, 0, os.SEEK_END)
    found = _append(store, record, held, stopped)
    if found != record.xxh3_128 and had:  # what was left here may have been of other bytes
        os.ftruncate(held, 0)
        found = _append(store, record, held, stopped)
    if found == record.xxh3_128:
        return
    size = os.lseek(held, 0, os.SEEK_END)
    os.ftruncate(held, 0)
    raise DamagedFileError(
        f"{store.url}/{record.path}",
        expected=f"{record.bytes:,} bytes with xxh3_128 {record.xxh3_128}",
        found=f"{size:,} bytes with {found}",
        fix="push the artifact again with `shardmill push`",
    )


def _append(store: Store, record: FileRecord, held: int, stopped: Callable[[], bool]) -> str:
    """Append the rest of a file to a part of it, and return the checksum of the whole."""
    digest = xxhash.xxh3_128()
    size = os.lseek(held, 0, os.SEEK_END)
    if size > record.bytes:
        os.ftruncate(held, 0)
        size = 0
    for start in range(0, size, _BLOCK):
        digest.update(os.pread(held, _BLOCK, start))
    os.lseek(held, size, os.SEEK_SET)
    with open(held, "wb", buffering=0, closefd=False) as file:
        # A whole object is asked for without a range, which some servers of HTTP do not know.
        for block in store.get_range(record.path, size) if size < record.bytes else ():
            digest.update(block)
            left = memoryview(block)
            while left:
                left = left[file.write(left) :]
            if stopped():
                raise StoppedError
    return digest.hexdigest()
