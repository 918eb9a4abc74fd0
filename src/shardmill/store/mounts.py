"""Folders that stand for URLs, for tasks on machines that share no disk.

While some mounts hold, `here` brings a file of such a folder before it is read, and `sent` takes a
file that was written there to its URL, where tasks on all machines find it. Without mounts, both
do nothing: files are read and written where they are.
"""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shardmill.errors import MissingObjectError

if TYPE_CHECKING:
    from shardmill.store.store import Store

_BUILDING = ".building-"
_PART = ".part"
# The folder of what stays, in that of the URL. Whoever lists the folder passes over it.
_KEPT = ".kept"

# Stores are imported where there are mounts, since every build imports this.


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder that stands for a URL.

    A folder in it whose name begins with `.building-` stands for the one that it becomes.

    Attributes:
        folder: The folder, whose path is the same on all machines.
        url: The URL.
        kept: Whether files that were brought stay. Raw files do, since several tasks on a machine
            read ranges of one. Others are gone after the task that has brought them.
        collected: Whether `collect` brings what was sent.
    """

    folder: Path
    url: str
    kept: bool = False
    collected: bool = False


@dataclass(slots=True)
class _Mounted:
    """The mounts that hold now."""

    mounts: Sequence[Mount]
    brought: Path  # where files are that do not stay
    stores: "dict[str, Store]" = field(default_factory=dict)

    def of(self, path: Path) -> Mount | None:
        return next((m for m in self.mounts if path.is_relative_to(m.folder)), None)

    def store(self, mount: Mount) -> "Store":
        from shardmill.store.open_store import open_store

        if mount.url not in self.stores:
            self.stores[mount.url] = open_store(mount.url)
        return self.stores[mount.url]

    def place(self, path: Path) -> Path:
        """Where a file is that was brought for this task."""
        return self.brought / hashlib.sha256(bytes(path)).hexdigest() / path.name

    def bring(self, mount: Mount, path: Path) -> Path:
        if mount.kept:
            return self._keep(mount, _key(mount, path))
        place = self.place(path)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            download(self.store(mount), _key(mount, path), place)
        return place

    def _keep(self, mount: Mount, key: str) -> Path:
        """Bring a file to stay, in place of one of another etag."""
        from shardmill.store.cache_folder import folder_in

        facts = self.store(mount).head(key)
        own = folder_in(mount.folder.parent, mount.url) / _KEPT / _name(key)
        place = own / _name(f"{facts.bytes} {facts.etag}")
        if facts.etag is None or not place.exists():
            own.mkdir(parents=True, exist_ok=True)
            download(self.store(mount), key, place, etag=facts.etag)
            for other in own.iterdir():
                if other != place and not other.name.endswith(_PART):
                    other.unlink(missing_ok=True)
        return place


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def download(store: "Store", key: str, place: Path, *, etag: str | None = None) -> None:
    """Write an object to a file, which is whole as soon as it is there.

    Args:
        store: The store of the object.
        key: Its key.
        place: The file.
        etag: The etag that the object must have; None for any.

    Raises:
        MissingObjectError: There is no such object.
        ChangedObjectError: The object has another etag.
        StorageError: The store refused or failed.
        OSError: The file cannot be written.
    """
    beside = place.with_name(f".{secrets.token_hex(8)}{_PART}")
    try:
        with beside.open("xb") as file:
            for block in store.get_range(key, etag=etag):
                file.write(block)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


_mounted: ContextVar[_Mounted | None] = ContextVar("mounted", default=None)


@contextmanager
def mounted(mounts: Sequence[Mount]) -> Iterator[None]:
    """Let mounts hold in a block, in this thread.

    Args:
        mounts: The mounts. The first one whose folder a file is in counts.
    """
    import tempfile
    from shutil import rmtree

    brought = Path(tempfile.mkdtemp(prefix="shardmill-"))
    token = _mounted.set(_Mounted(mounts, brought))
    try:
        yield
    finally:
        _mounted.reset(token)
        rmtree(brought, ignore_errors=True)


def _mount_of(path: Path) -> tuple[_Mounted, Mount] | None:
    now = _mounted.get()
    mount = None if now is None else now.of(path)
    return None if now is None or mount is None else (now, mount)


def here(path: Path) -> Path:
    """Return where a file can be read on this machine, after bringing it if need be.

    A file that is missing everywhere is not brought; whoever opens it finds out.

    Raises:
        StorageError: The store refused or failed.
        OSError: The file cannot be written here.
    """
    found = _mount_of(path)
    if found is None or _is_here(path):
        return path
    now, mount = found
    try:
        return now.bring(mount, path)
    except MissingObjectError:
        return path


def some_here(folder: Path, paths: Sequence[str]) -> Path:
    """Bring files of a folder side by side before they are read, each by one task.

    Args:
        folder: The folder.
        paths: The paths of the files below it.

    Returns:
        The folder in which they are at these paths.

    Raises:
        StorageError: The store refused or failed.
        OSError: A file cannot be written here.
    """
    found = _mount_of(folder)
    if found is None or all(_is_here(folder / path) for path in paths):
        return folder
    from shardmill.store.side_by_side import side_by_side

    now, mount = found
    place, store = now.place(folder), now.store(mount)

    def bring(path: str, stopped: object) -> None:  # noqa: ARG001
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        with suppress(MissingObjectError):  # whoever opens it finds out
            download(store, _key(mount, folder / path), place / path)

    side_by_side([path for path in paths if not (place / path).exists()], bring)
    return place


def is_mounted() -> bool:
    """Say whether any mounts hold."""
    return _mounted.get() is not None


def make_place(path: Path) -> None:
    """Make the folder that a file is to be written in, if mounts hold.

    Raises:
        OSError: It cannot be made.
    """
    if is_mounted():
        path.parent.mkdir(parents=True, exist_ok=True)


def sent(path: Path) -> None:
    """Take a file that is whole to its URL, in place of leaving it where it was written.

    Raises:
        StorageError: The store refused or failed.
    """
    if (found := _mount_of(path)) is None:
        return
    now, mount = found
    now.store(mount).put(_key(mount, path), path)
    # Another task may send another file of this name, and a copy that stays would be an old one.
    path.unlink()


def moved(path: Path, target: Path) -> None:
    """Rename a file in its folder, wherever it is.

    Raises:
        StorageError: The store refused or failed.
        OSError: The file cannot be renamed here.
    """
    if (found := _mount_of(path)) is None:
        path.rename(target)
        return
    now, mount = found
    now.store(mount).put(_key(mount, target), here(path))
    removed(path)


def removed(path: Path) -> None:
    """Remove a file, wherever it is.

    Raises:
        StorageError: The store refused or failed.
        OSError: The file cannot be removed here.
    """
    found = _mount_of(path)
    path.unlink(missing_ok=found is not None)
    if found is not None:
        now, mount = found
        now.place(path).unlink(missing_ok=True)
        now.store(mount).delete(_key(mount, path))


def collect(folder: Path) -> None:
    """Bring all files that were sent from a folder back into it, if its mount says so.

    Raises:
        StorageError: The store refused or failed.
        OSError: A file cannot be written.
    """
    found = _mount_of(folder)
    if found is None or not found[1].collected:
        return
    from shardmill.store.side_by_side import side_by_side

    now, mount = found
    store = now.store(mount)

    def bring(key: str, stopped: object) -> None:  # noqa: ARG001
        download(store, key, folder / key.rpartition("/")[2])

    keys = [facts.key for facts in store.list(_key(mount, folder))]
    side_by_side(keys, bring)


def _is_here(path: Path) -> bool:
    return path.exists()


def _key(mount: Mount, path: Path) -> str:
    key = path.relative_to(mount.folder).as_posix()
    return key.removeprefix(_BUILDING)
