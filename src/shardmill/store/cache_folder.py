"""A folder of artifacts that were brought from elsewhere, with a limit of bytes.

Each artifact has a folder in it, as it would have anywhere. The time of a file says when it was
used last. What must go to make room is unlinked. Whoever has mapped a file keeps it, and the disk
is freed when the last map is gone.

Raw files of URLs, and artifacts that are built for URLs, have folders beside. They are listed and
cleared, too, but never go to make room, since a build may be reading them.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import xxhash

from shardmill.atomic import make_folder, replace_file
from shardmill.errors import OutputError
from shardmill.store.fetch_file import lock_part, size_of_part

# The file that says where an artifact came from. Folders without one are not the cache's own.
_ORIGIN = ".url"
_LOCK = ".lock"
# Shards and cleaned rows can be brought again whenever they are wanted. All else is small.
_LARGE = re.compile(r"(?!.*\.shards\.safetensors$).*\.(safetensors|parquet)")


@dataclass(frozen=True, slots=True)
class CachedFolder:
    """An artifact or a folder of raw files in a cache.

    Attributes:
        url: Where it came from.
        folder: Where it is.
        bytes: How much its files take.
        used: When a file of it was used last, in seconds since 1970.
    """

    url: str
    folder: Path
    bytes: int
    used: float


def usual_cache() -> Path:
    """Return the folder of the cache, if none is given: below the user's folder of caches."""
    from platformdirs import user_cache_path

    return user_cache_path("shardmill", appauthor=False) / "artifacts"


def raw_in(cache: Path) -> Path:
    """Return the folder in a cache in which raw files of each URL have a folder."""
    return cache / "raw"


def builds_in(cache: Path) -> Path:
    """Return the folder in a cache in which each artifact that is built for a URL has a folder."""
    return cache / "builds"


def folder_in(cache: Path, url: str) -> Path:
    """Return the folder of an artifact in a cache, which is made if there is none.

    Raises:
        OutputError: The folder cannot be made.
    """
    url = url.rstrip("/")
    last = re.sub(r"[^A-Za-z0-9_-]", "_", url.rpartition("/")[2])[:64]
    folder = cache / f"{last}-{xxhash.xxh3_64_hexdigest(url.encode())}"
    try:
        if not (folder / _ORIGIN).exists():
            make_folder(folder)
            replace_file(folder / _ORIGIN, f"{url}\n".encode())
    except OSError as error:
        fix = "give another folder with cache= or --cache"
        raise OutputError.unwritable(folder, error, fix=fix) from None
    return folder


def list_cache(cache: Path) -> list[CachedFolder]:
    """Return what is in a cache, sorted by URLs."""
    found = []
    for folder in chain(*map(_folders, (cache, raw_in(cache), builds_in(cache)))):
        files = list(_files(folder))
        used = max((file.used for file in files), default=0.0)
        url = (folder / _ORIGIN).read_text().strip()
        found.append(CachedFolder(url, folder, sum(file.bytes for file in files), used))
    return sorted(found, key=lambda each: each.url)


def clear_cache(cache: Path, urls: Sequence[str] = ()) -> list[CachedFolder]:
    """Remove folders from a cache, and return them.

    Args:
        cache: The folder of the cache.
        urls: Where they came from. Without any, all are removed.
    """
    wanted = {url.rstrip("/") for url in urls}
    removed = [each for each in list_cache(cache) if not wanted or each.url in wanted]
    for each in removed:
        shutil.rmtree(each.folder, ignore_errors=True)
    return removed


def make_room(cache: Path, limit: int) -> None:
    """Unlink what was used longest ago until the cache holds no more than a limit.

    Files that are being brought count as whole. They stay, so the limit may be exceeded by them.

    Args:
        cache: The folder of the cache.
        limit: How many bytes it may hold.
    """
    with _locked(cache / _LOCK):
        files = [file for folder in _folders(cache) for file in _files(folder)]
        total = sum(file.bytes for file in files)
        for file in sorted(files, key=lambda file: file.used):
            if total <= limit:
                return
            if file.large and _removed(file):
                total -= file.bytes


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    bytes: int  # for a part, those of the whole file
    used: float
    large: bool


def _folders(cache: Path) -> Iterator[Path]:
    for origin in cache.glob(f"*/{_ORIGIN}"):
        yield origin.parent


def _files(folder: Path) -> Iterator[_File]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(FileNotFoundError):  # another process made room
                facts = path.stat()
                whole = size_of_part(name)
                large = whole is not None or _LARGE.fullmatch(name) is not None
                size = facts.st_size if whole is None else whole
                yield _File(path, size, facts.st_mtime, large)


def _removed(file: _File) -> bool:
    """Remove a file, unless somebody is bringing it."""
    try:
        if size_of_part(file.path.name) is None:
            file.path.unlink()
            return True
        held = lock_part(file.path, wait=False)
        if held is not None:
            file.path.unlink()
            os.close(held)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return held is not None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        # A process that was forked meanwhile has the descriptor, too. So closing it is not enough.
        fcntl.flock(held, fcntl.LOCK_UN)
        os.close(held)
