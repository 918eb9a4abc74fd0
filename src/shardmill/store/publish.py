"""Sends files to a store, and then the record that readers begin with, if nobody else did."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from shardmill.errors import ChangedObjectError, MissingObjectError, PublishedMeanwhileError
from shardmill.format.manifest import FileRecord
from shardmill.format.shard_file import check_file
from shardmill.store.side_by_side import side_by_side
from shardmill.store.store import Content, Store

# Takes what is being done, how many bytes are done, and how many there are.
Progress = Callable[[str, int, int], None]


def adding(label: str, total: int, progress: Progress) -> Callable[[int], int]:
    """Return a function that adds bytes to those that are done, tells and returns their sum.

    Args:
        label: What is being done.
        total: How many bytes there are.
        progress: A function that is told how far it is.

    Example:
        >>> add = adding("push", 30, print)
        >>> add(10), add(20)
        push 10 30
        push 30 30
        (10, 30)
    """
    so_far = 0

    def add(size: int) -> int:
        nonlocal so_far
        so_far += size
        progress(label, so_far, total)
        return so_far

    return add


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of an artifact or a model that was pushed.

    Attributes:
        artifact: Its folder.
        url: Where it is now.
        status: Whether it was put there, or was there already.
        files: How many files were sent, without the manifest or model.json.
        bytes: How many bytes these have.
    """

    artifact: str
    url: str
    status: Literal["pushed", "up to date"]
    files: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the facts for JSON."""
        return asdict(self)


def content_at(store: Store, name: str) -> Content | None:
    """Return an object of a store, or None if there is none.

    Raises:
        StorageError: The store refused or failed.
    """
    try:
        return store.get(name)
    except MissingObjectError:
        return None


def send_files(
    store: Store, folder: Path, records: Iterable[FileRecord], progress: Progress
) -> None:
    """Send files of a folder to a store, each compared with its record.

    Raises:
        DamagedFileError: A file is missing, or is not the one that was written.
        StorageError: The store refused or failed.
    """
    records = list(records)
    add = adding("push", sum(record.bytes for record in records), progress)

    def send(record: FileRecord, stopped: Callable[[], bool]) -> None:
        if not stopped():
            check_file(folder, record)
            store.put(record.path, folder / record.path)

    side_by_side(records, send, lambda record: add(record.bytes))


def publish(
    store: Store,
    name: str,
    content: bytes,
    before: Content | None,
    describe: Callable[[bytes], str],
) -> None:
    """Put the record that readers begin with in the place of the one that was there before.

    Args:
        store: The store.
        name: The name of the record.
        content: Its bytes.
        before: What was there when the push began; None if there was nothing.
        describe: Returns what a record is of, for errors.

    Raises:
        PublishedMeanwhileError: Somebody else published another one meanwhile.
        StorageError: The store refused or failed.
    """
    try:
        store.put_if(name, content, etag=None if before is None else before.etag)
    except ChangedObjectError:
        now = content_at(store, name)
        if now is not None and now.content == content:  # somebody pushed the same
            return
        expected = f"no {name}" if before is None else f"still {describe(before.content)}"
        raise PublishedMeanwhileError(
            store.url,
            expected=expected,
            found="none" if now is None else f"{describe(now.content)}, which somebody else pushed",
            fix="look at what is there, and push again to replace it",
        ) from None
