"""An artifact at a URL, whose files come into a cache when they are wanted."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from shardmill.atomic import replace_file
from shardmill.errors import OutputError
from shardmill.format.file_record import FileRecord
from shardmill.format.manifest import Manifest
from shardmill.format.near_artifacts import MANIFEST_NAME
from shardmill.store.cache_folder import folder_in, make_room, usual_cache
from shardmill.store.fetch_file import (
    StoppedError,
    fetch_file,
    open_whole,
)
from shardmill.store.open_store import open_store
from shardmill.store.read_manifest import parse_manifest, read_manifest
from shardmill.store.side_by_side import side_by_side
from shardmill.store.store import Store


class CachedArtifact:
    """The files of an artifact at a URL, by their records. It can go to other processes.

    Attributes:
        url: The URL of the artifact.
        folder: The folder of the artifact in the cache.
        cache_bytes: How many bytes the cache may hold; None for any number.

    Args:
        url: The URL of the artifact.
        cache: The folder of the cache; None for the usual one.
        cache_bytes: How many bytes the cache may hold; None for any number.

    Raises:
        OutputError: The folder in the cache cannot be made.
    """

    def __init__(
        self,
        url: str,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        self.url: str = url.rstrip("/")
        self.cache_bytes = cache_bytes
        self._cache = usual_cache() if cache is None else Path(cache).absolute()
        self.folder: Path = folder_in(self._cache, self.url)

    @cached_property
    def store(self) -> Store:
        """The store of the artifact."""
        return open_store(self.url)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "store"}

    def load_manifest(self) -> Manifest:
        """Read the manifest that is at the URL now, and put it into the folder.

        Raises:
            MissingArtifactError: There is no artifact at the URL.
            FormatVersionError: The version of the manifest is newer than this reader knows.
            ManifestError: The manifest is damaged.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
        """
        content = read_manifest(self.store)
        path = self.folder / MANIFEST_NAME
        manifest = parse_manifest(self.store, content, self.folder)
        try:
            if not path.exists() or path.read_bytes() != content:
                replace_file(path, content)
        except OSError as error:
            fix = "give another folder with cache= or --cache"
            raise OutputError.unwritable(path, error, fix=fix) from None
        return manifest

    def open(
        self, record: FileRecord, stopped: Callable[[], bool] = lambda: False, *, wait: bool = True
    ) -> int:
        """Return the descriptor of a file, to read, after bringing it into the cache if need be.

        The file can be read through the descriptor, or a map that is made of it, even if the cache
        makes room meanwhile.

        Args:
            record: The record of the file.
            stopped: A function that says, between two blocks, whether to stop.
            wait: Whether to wait for another process or thread that is bringing the same file.

        Raises:
            StoppedError: `stopped` said so, or somebody is not to be waited for.
            DamagedFileError: The store has other bytes than the record says.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
        """
        found = fetch_file(
            lambda: self.store,
            self.folder,
            record,
            begin=self._make_room,
            stopped=stopped,
            wait=wait,
        )
        _note_use(found)
        return found

    def _make_room(self) -> None:
        if self.cache_bytes is not None:
            make_room(self._cache, self.cache_bytes)

    def bring_ahead(self, record: FileRecord, stopped: Callable[[], bool]) -> None:
        """Bring a file into the cache, unless somebody else does, or `stopped` says so.

        Raises:
            DamagedFileError: The store has other bytes than the record says.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
        """
        with suppress(StoppedError):
            os.close(self.open(record, stopped, wait=False))

    def bring(
        self,
        records: Iterable[FileRecord],
        brought: Callable[[FileRecord], None] = lambda _: None,
    ) -> None:
        """Bring files into the cache, several side by side.

        Args:
            records: The records of the files.
            brought: A function that is told of each file that was missing, when it is there.

        Raises:
            DamagedFileError: The store has other bytes than a record says.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
        """
        missing = self.missing(records)
        if missing:
            side_by_side(missing, self._bring_one, brought)

    def missing(self, records: Iterable[FileRecord]) -> list[FileRecord]:
        """Return which files are not in the cache. The others count as used."""
        missing = []
        for record in records:
            found = open_whole(self.folder / record.path, record.bytes)
            if found is None:
                missing.append(record)
            else:
                _note_use(found)
                os.close(found)
        return missing

    def _bring_one(self, record: FileRecord, stopped: Callable[[], bool]) -> None:
        os.close(self.open(record, stopped))


def _note_use(file: int) -> None:
    with suppress(OSError):  # the cache may be somebody else's
        os.utime(file)
