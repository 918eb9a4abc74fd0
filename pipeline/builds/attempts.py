"""Names the files of one try at a task, so that a task may run twice, or half, and harm nothing.

An engine may run a task again, because its machine was lost or only slow. Each try writes to a file
of its own, and renames it when it is whole. Two tries at a task write the same bytes, so it does
not matter which of them is the last. Of a try that ended half-way, a file stays that nobody reads.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shardmill.store.mounts import make_place, sent

_SUFFIX = ".try"


def attempt_at(path: Path) -> Path:
    """Return where one try writes a file that is to be at `path`: beside it, under a new name."""
    make_place(path)
    return path.with_name(f"{path.name}.{secrets.token_hex(8)}{_SUFFIX}")


@contextmanager
def attempt(path: Path) -> Iterator[Path]:
    """Give a file to write to, and put it at `path` if the block raises nothing.

    Raises:
        OSError: The file cannot be put there.
        StorageError: The folder stands for a URL, and its store refused or failed.
    """
    beside = attempt_at(path)
    try:
        yield beside
        beside.replace(path)
        sent(path)
    finally:
        beside.unlink(missing_ok=True)


def remove_attempts(folder: Path) -> None:
    """Remove what tries that ended half-way have left in a folder."""
    for file in folder.glob(f"*{_SUFFIX}"):
        file.unlink(missing_ok=True)
