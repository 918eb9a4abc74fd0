"""Files that are kept with the etags of the objects that they are copies of."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from shardmill.atomic import make_folder, put_file, replace_file
from shardmill.errors import ChangedObjectError, StorageAnswerError
from shardmill.pipeline.builds.build_run import Progress
from shardmill.store.publish import adding
from shardmill.store.side_by_side import side_by_side
from shardmill.store.store import ObjectFacts, Store

# Which objects the files are. Patterns and folders of images pass over hidden files.
_INDEX = ".objects.json"
_NOTED_BYTES = 2**28  # the index is written after so many, so that a killed build loses no more


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """The files in a folder, each of which is the content of an object.

    Attributes:
        store: The store of the objects.
        folder: The folder. The caller holds its lock.
        progress: A function that is told how many bytes have come, of how many.
    """

    store: Store
    folder: Path
    progress: Progress

    def bring(self, found: dict[str, ObjectFacts], gone: Collection[str] = ()) -> None:
        """Bring all objects that are not here, and forget those that are gone.

        Args:
            found: The objects, by their keys.
            gone: The keys of objects that are not there any more.

        Raises:
            StorageError: The store refused or failed, or an object changed while it was read.
            OSError: A file cannot be written.
        """
        known = {key: facts for key, facts in self.known().items() if key not in gone}
        missing = [each for each in found.values() if not self._is_here(each, known)]
        total, noted = sum(each.bytes for each in missing), 0
        add = adding("raw", total, self.progress)

        def fetched(facts: ObjectFacts) -> None:
            nonlocal noted
            known[facts.key] = identity(facts)
            done = add(facts.bytes)
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
        same = facts.etag is not None and known.get(facts.key) == identity(facts)
        return same and path.is_file() and path.stat().st_size == facts.bytes

    def _fetch(self, facts: ObjectFacts, stopped: Callable[[], bool]) -> None:
        """Download one object. What an earlier try has left of it is not asked for again."""
        path = self._path(facts)
        of = xxhash.xxh3_64_hexdigest(repr(identity(facts)).encode())
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


def identity(facts: ObjectFacts) -> list[Any]:
    """Return what another content of the same key does not have."""
    return [facts.bytes, facts.etag]
