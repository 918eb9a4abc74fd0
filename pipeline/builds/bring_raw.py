"""Brings raw files from a URL into a folder of this machine, and keeps them there.

Builds then read them as any others. A file is brought again only if its object has another etag, so
that a build of what has not changed asks for the etags alone, and reads nothing.
"""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from shardmill.errors import (
    MissingObjectError,
    OutputError,
    UnreadableFileError,
)
from shardmill.pipeline.builds.build_run import Progress, no_progress
from shardmill.pipeline.builds.kept_files import KeptFiles, identity
from shardmill.pipeline.infer.guess_splits import name_of
from shardmill.raw.entry_names import is_meant, possible_paths
from shardmill.raw.image_folder import is_passed_over
from shardmill.raw.raw_files import SAMPLE_NAME, changed_error
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import ImageFolder, RawFile
from shardmill.store.cache_folder import folder_in, raw_in, usual_cache
from shardmill.store.open_store import open_store
from shardmill.store.store import ObjectFacts, Store

_LOCK = ".lock"
_FIX = "choose another folder with --cache, or make room and permissions"


@dataclass(frozen=True, slots=True)
class Brought:
    """Raw files that were brought.

    Attributes:
        url: The URL of the folder that holds all of them.
        folder: The folder that stands for it here.
        files: Where they are here.
    """

    url: str
    folder: Path
    files: tuple[Path, ...]

    def name(self) -> str:
        """Return a name for the dataset of the files."""
        places = [Path("/", self.url.partition("://")[2], file.name) for file in self.files]
        return name_of(places)


def bring_raw(
    recipes: Sequence[AnyRecipe],
    url: str,
    cache: Path | None = None,
    *,
    progress: Progress = no_progress,
) -> Path:
    """Bring the raw files of recipes from a URL, as far as they are not here, and return where.

    Other processes that bring files from the same URL are waited for. A file that is gone at the
    URL is removed here, too.

    Args:
        recipes: The recipes. Paths in them are below the URL.
        url: The URL of the raw folder.
        cache: The folder of the cache; None for the usual one.
        progress: A function that is told how many bytes have come, of how many.

    Raises:
        StorageError: The store refused or failed, or an object changed while it was read.
        OutputError: The folder cannot be written.
    """
    store = open_store(url)
    own = _own_folder(url, cache)
    with _told(own), FileLock(own / _LOCK):
        found, gone = _look(store, own, recipes)
        for key in gone:
            (own / key).unlink()
        KeptFiles(store, own, progress).bring(found, gone)
    return own


def bring_files(urls: Sequence[str], cache: Path | None = None) -> Brought:
    """Bring raw files of which there is no recipe yet.

    Args:
        urls: The URLs of the files, which have one scheme and one bucket or server.
        cache: The folder of the cache; None for the usual one.

    Raises:
        UnreadableFileError: The URLs have no folder in common.
        MissingObjectError: There is no such file.
        StorageError: The store refused or failed.
        OutputError: The folder cannot be written.
    """
    parents = [url.partition("://")[2].rpartition("/")[0] for url in urls]
    schemes = {url.partition("://")[0] for url in urls}
    # A path of `file://` begins with a slash.
    common = posixpath.commonpath(parents) if len({path[:1] for path in parents}) == 1 else ""
    if len(schemes) > 1 or not common.strip("/"):
        raise UnreadableFileError(
            urls[-1],
            expected="a file in the same bucket as the others",
            found=f"another place than that of {urls[0]}" if len(urls) > 1 else "no folder",
            fix="give files of one dataset, which are in one folder",
        )
    raw = f"{schemes.pop()}://{common}"
    keys = [url.removeprefix(raw).lstrip("/") for url in urls]
    store, own = open_store(raw), _own_folder(raw, cache)
    with _told(own), FileLock(own / _LOCK):
        KeptFiles(store, own, no_progress).bring({key: store.head(key) for key in keys})
    return Brought(raw, own, tuple(own / key for key in keys))


def check_brought(url: str, folder: Path, paths: Iterable[Path]) -> None:
    """Check that raw files at a URL are those that were brought from there.

    Args:
        url: The URL of the raw folder.
        folder: The folder that `bring_raw` has returned.
        paths: Files and folders of images in it.

    Raises:
        ChangedFileError: One of them has changed at the URL since.
        StorageError: The store refused or failed.
    """
    store = open_store(url)
    known = KeptFiles(store, folder, no_progress).known()
    for path in paths:
        key = path.relative_to(folder).as_posix()
        try:
            if path.is_dir():
                found = {each.key: identity(each) for each in _images(store, key)}
                inside = "" if key == "." else f"{key}/"
                then = {each: known[each] for each in known if each.startswith(inside)}
            else:
                found, then = {key: identity(store.head(key))}, {key: known.get(key)}
        except MissingObjectError:
            found, then = {}, {key: None}
        if found != then:
            raise changed_error(path)


def _look(
    store: Store, own: Path, recipes: Sequence[AnyRecipe]
) -> tuple[dict[str, ObjectFacts], set[str]]:
    """Return the objects of recipes by their keys, and the keys of files that have no object."""
    found: dict[str, ObjectFacts] = {}
    here: set[str] = set()
    # It says which files are generated samples.
    entries = [RawFile(path=SAMPLE_NAME), *(file for each in recipes for file in each.files())]
    for file in {(type(file), file.path): file for file in entries}.values():
        found.update((facts.key, facts) for facts in _objects(store, file))
        here.update(_files_of(own, file))
    return found, here - found.keys()


def _objects(store: Store, file: RawFile) -> Iterator[ObjectFacts]:
    """Yield the objects of one entry of a recipe."""
    if isinstance(file, ImageFolder):
        yield from _images(store, file.path)
    elif file.is_pattern:
        parent = file.path.rpartition("/")[0]
        for facts in store.list(parent):
            folder, _, name = facts.key.rpartition("/")
            if folder == parent and is_meant(file, name):
                yield facts
    else:
        for path in possible_paths(file):
            with suppress(MissingObjectError):
                yield store.head(path)
                return


def _images(store: Store, path: str) -> Iterator[ObjectFacts]:
    """Yield the objects in a folder of images, where "." stands for the raw folder itself."""
    found = store.list("" if path == "." else path)
    yield from (facts for facts in found if _is_shown(facts.key))


def _files_of(own: Path, file: RawFile) -> Iterator[str]:
    """Yield the keys of the files that are here of one entry of a recipe."""
    if isinstance(file, ImageFolder):
        paths: Iterable[Path] = (own / file.path).rglob("*")
    elif file.is_pattern:
        parent = (own / file.path).parent
        paths = (path for path in parent.glob("*") if is_meant(file, path.name))
    else:
        paths = (own / path for path in possible_paths(file))
    keys = (path.relative_to(own).as_posix() for path in paths if path.is_file())
    yield from (key for key in keys if _is_shown(key))


def _is_shown(key: str) -> bool:
    """Say whether builds look at a file; a folder of images has parts of files, too."""
    return not any(is_passed_over(part) for part in key.split("/"))


def _own_folder(url: str, cache: Path | None) -> Path:
    return folder_in(raw_in(usual_cache() if cache is None else cache.absolute()), url)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError.unwritable(error.filename or folder, error, fix=_FIX) from None
