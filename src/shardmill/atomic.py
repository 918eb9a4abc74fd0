"""Puts files and folders in place whole, so that nobody ever sees a part of one.

The content is written beside its place, flushed to disk, and renamed. A reader, a second process
and a machine that loses its power find the old content or the new one, never a mixture.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `path` for writing, and move it there if the block raises nothing.

    If the block raises, the file that was at `path` stays as it was. The parent folder must exist.
    Two processes that write the same path at the same time do not disturb each other.

    Args:
        path: The place of the file. A file that is there is replaced.

    Yields:
        The binary file to write to. Its `name` is the path beside the place.

    Raises:
        OSError: The file cannot be written. `error.filename` is `path`, not the name beside it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        if error.filename == str(beside):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # the error that led here says more
            beside.unlink()
    sync(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step; see `new_file`.

    Raises:
        OSError: The file cannot be written.
    """
    with new_file(path) as file:
        file.write(content)


def put_file(new: Path, final: Path) -> None:
    """Move a file that was written on the same file system to its place.

    Raises:
        OSError: The file cannot be moved.
    """
    sync(new)
    new.replace(final)
    sync(final.parent)


def replace_folder(new: Path, final: Path) -> None:
    """Move the folder `new`, whose files are all written, to `final` in one step.

    No system call that Python offers replaces a folder that holds files. So the old folder steps
    aside first, to `.old-<name>`, and comes back if the new one cannot be moved. A process that is
    killed between the two renames leaves the old folder aside; the next call puts it back first.

    Args:
        new: A folder on the same file system as `final`.
        final: The place of the folder. A folder that is there is replaced.

    Raises:
        OSError: A folder cannot be moved; the old one is in its place then.
    """
    for path in (*new.iterdir(), new):
        sync(path)
    old = final.with_name(f".old-{final.name}")
    if old.exists() and not final.exists():
        old.rename(final)
    shutil.rmtree(old, ignore_errors=True)
    try:
        if final.exists():
            final.rename(old)
        new.rename(final)
    except BaseException:
        if old.exists() and not final.exists():
            old.rename(final)
        raise
    sync(final.parent)
    shutil.rmtree(old, ignore_errors=True)


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing. Their names are on disk afterwards.

    What is in a folder outlives a loss of power only if the name of the folder does.

    Raises:
        OSError: A folder cannot be made, or a file is in its place.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    with suppress(PermissionError):  # one may write to a folder and yet not open it
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on disk.

    Raises:
        OSError: The system could not write them.
    """
    if os.name == "nt" and path.is_dir():  # Windows opens no folders, and its renames last anyway
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
