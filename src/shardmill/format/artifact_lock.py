"""The lock of an artifact's folder, which whoever writes there holds; see FORMAT.md."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from shardmill.atomic import make_folder
from shardmill.errors import LockedError, OutputError

LOCK_NAME = ".lock"


@contextmanager
def locked(
    folder: Path, *, lock: Path | None = None, where: object = None, option: str = "--out"
) -> Iterator[None]:
    """Make the folder of an artifact and keep others who write to it out.

    The operating system holds the lock. It ends with the process, however the process ends.

    Args:
        folder: The folder.
        lock: The file to lock; None for the one in the folder.
        where: What errors call the artifact; None for the folder.
        option: The option that names another folder.

    Raises:
        LockedError: Somebody else is writing.
        OutputError: The folder cannot be written.
    """
    try:
        make_folder(folder)
        held = FileLock(lock or folder / LOCK_NAME, timeout=0)
        held.acquire()
    except Timeout:
        raise LockedError(
            folder if where is None else where,
            expected="no other build",
            found="one that is running",
            fix=f"wait until it is done, or choose another folder with {option}",
        ) from None
    except OSError as error:
        fix = f"choose another folder with {option}, or make room and permissions"
        raise OutputError.unwritable(folder, error, fix=fix) from None
    try:
        yield
    finally:
        held.release()
