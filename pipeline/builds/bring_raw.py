"""Brings raw files from a URL into a folder of this machine, and keeps them there.

Builds then read them as any others. A file is brought again only if its object has another etag, so
that a build of what has not changed asks for the etags alone, and reads nothing.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash
from filelock import FileLock

from shardmill.atomic import make_folder, put_file, replace_file
from shardmill.errors import (
    ChangedObjectError,
    MissingObjectError,
    OutputError,
    StorageAnswerError,
)
from shardmill.pipeline.builds.build_run import Progress, no_progress
from shardmill.raw.entry_names import is_meant, possible_paths
from shardmill.raw.image_folder import is_passed_over
from shardmill.raw.raw_files import SAMPLE_NAME, changed_error
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import ImageFolder, RawFile
from shardmill.store.cache_folder import folder_in, raw_in, usual_cache
from shardmill.store.open_store import open_store
from shardmill.store.side_by_side import side_by_side
from shardmill.store.store import ObjectFacts, Store

# Which objects the files are. Patterns and folders of images pass over hidden files.
_INDEX = ".objects.json"
_LOCK = ".lock"
_NOTED_BYTES = 2**28  # the index is written after so many, so that a killed build loses no more
_FIX = "choose another folder with --cache, or make room and permissions"


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
    own = folder_in(raw_in(usual_cache() if cache is None else cache.absolute()), url)
    with _told(own), FileLock(own / _LOCK):
        found, gone = _look(store, own, recipes)
        for key in gone:
            (own / key).unlink()
        _Files(store, own, progress).bring(found)
    return own


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
    known = _Files(store, folder, no_progress).known()
    for path in paths:
        key = path.relative_to(folder).as_posix()
        try:
            if path.is_dir():
                found = {
                    each.key: _identity(each) for each in store.list(key) if _is_shown(each.key)
                }
                then = {each: known[each] for each in known if each.startswith(f"{key}/")}
            else:
                found, then = {key: _identity(store.head(key))}, {key: known.get(key)}
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
        yield from (facts for facts in store.list(file.path) if _is_shown(facts.key))
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


@dataclass(frozen=True, slots=True)
class _Files:
    """The files in a folder, each of which is the content of an object."""

    store: Store
    folder: Path
    progress: Progress

    def bring(self, found: dict[str, ObjectFacts]) -> None:
        """Bring all objects that are not here."""
        known = {key: facts for key, facts in self.known().items() if key in found}
        missing = [each for each in found.values() if not self._is_here(each, known)]
        total, done, noted = sum(each.bytes for each in missing), 0, 0

        def fetched(facts: ObjectFacts) -> None:
            nonlocal done, noted
            known[facts.key] = _identity(facts)
            done += facts.bytes
            self.progress("raw", done, total)
            if done - noted >= _NOTED_BYTES:
                noted = done
                self._note(known)

        try:
            if missing:
                self.progress("raw", 0, total)
                side_by_side(missing, self._fetch, fetched)
        finally:
            self._note(known)

    def known(self) -> dict[str, Any]:
        """Return the identities of the objects that the files are, by key."""
        try:
            known = json.loads((self.folder / _INDEX).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _note(self, known: dict[str, Any]) -> None:
        if known != self.known():
            replace_file(self.folder / _INDEX, json.dumps(known, indent=1).encode())

    def _is_here(self, facts: ObjectFacts, known: dict[str, Any]) -> bool:
        path = self.folder / facts.key
        same = facts.etag is not None and known.get(facts.key) == _identity(facts)
        return same and path.is_file() and path.stat().st_size == facts.bytes

    def _fetch(self, facts: ObjectFacts, stopped: Callable[[], bool]) -> None:
        """Download one object. What an earlier try has left of it is not asked for again."""
        path = self._path(facts)
        of = xxhash.xxh3_64_hexdigest(repr(_identity(facts)).encode())
        part = path.with_name(f".{of}.part")
        make_folder(path.parent)
        with part.open("wb" if facts.etag is None else "ab") as file:
            if file.tell() > facts.bytes:
                file.truncate(0)
            start = file.tell()
            wanted = start < facts.bytes
            blocks = self.store.get_range(facts.key, start, etag=facts.etag) if wanted else ()
            for block in blocks:
                file.write(block)
                if stopped():
                    return
            size = file.tell()
        if size != facts.bytes:
            part.unlink()
            raise ChangedObjectError(
                f"{self.store.url}/{facts.key}",
                expected=f"{facts.bytes:,} bytes, as the store has said",
                found=f"{size:,}",
                fix="leave raw files alone while they are read, and begin again",
            )
        put_file(part, path)

    def _path(self, facts: ObjectFacts) -> Path:
        """Return where the file of an object is to be, which must be inside the folder."""
        parts = facts.key.split("/")
        if any(part in ("", ".", "..") or re.search(r"[\\:\0]", part) for part in parts):
            raise StorageAnswerError(
                self.store.url,
                expected="keys that can be paths of files",
                found=ascii(facts.key)[:200],
                fix="rename the object",
            )
        return self.folder.joinpath(*parts)


def _identity(facts: ObjectFacts) -> list[Any]:
    return [facts.bytes, facts.etag]


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError.unwritable(error.filename or folder, error, fix=_FIX) from None
