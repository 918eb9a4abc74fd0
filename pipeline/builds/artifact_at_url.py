"""Builds an artifact for a URL: in a folder of this machine, from which it is sent.

What a build must know of the artifact before is brought first: the manifest, build.json, and what
says which rows are cleaned. Shards stay where they are. The files of new generations are sent, then
the manifest in one step, and only if nobody else has published another one meanwhile.
"""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from os import close
from pathlib import Path

from shardmill.atomic import make_folder, replace_file
from shardmill.errors import ArtifactError, OutputError
from shardmill.format.artifact_lock import locked
from shardmill.format.manifest import FileRecord, Manifest
from shardmill.format.near_artifacts import MANIFEST_NAME
from shardmill.format.shard_table import TABLE_SUFFIX
from shardmill.pipeline.builds.build_run import Progress
from shardmill.pipeline.builds.generation import BUILD_NAME, CARD_NAME, GENERATION
from shardmill.store.cache_folder import builds_in, folder_in, usual_cache
from shardmill.store.fetch_file import fetch_file
from shardmill.store.open_store import check_writable, open_store
from shardmill.store.publish import adding
from shardmill.store.push_artifact import manifest_at, publish_manifest
from shardmill.store.side_by_side import side_by_side
from shardmill.store.store import Content, Store

# What a build reads of a generation that is there before it knows whether it needs the rest.
_SMALL = re.compile(rf"{GENERATION}/[\w.-]+(\.json|{re.escape(TABLE_SUFFIX)})")
_FIX = "choose another folder with --cache, or make room and permissions"


class ArtifactAtUrl:
    """An artifact at a URL, while it is built.

    Attributes:
        url: The URL of the artifact.
        folder: The folder in which it is built.

    Args:
        out: The URL below which each artifact has a folder of its own.
        name: The name of the artifact.
        cache: The folder of the cache; None for the usual one.

    Raises:
        OutputError: The folder cannot be made.
        UnsupportedStorageError: The URL is none that can be written to.
    """

    def __init__(self, out: str, name: str, cache: Path | None = None) -> None:
        check_writable(out)
        out = out.rstrip("/")
        cache = usual_cache() if cache is None else cache.absolute()
        self.url: str = f"{out}/{name}"
        self.folder: Path = folder_in(builds_in(cache), out) / name
        self._store: Store = open_store(self.url)
        self._before: Content | None = None
        self._there: dict[str, int] = {}
        self._build: bytes | None = None

    @contextmanager
    def opened(self, lender: str | None = None) -> Iterator[None]:
        """Keep other builds for this URL out of the folder, and bring what a build must know.

        Args:
            lender: The name of another artifact, below the same URL, whose vocabulary this one
                takes.

        Raises:
            LockedError: Another build for the URL is running on this machine.
            StorageError: The store refused or failed.
            OutputError: The folder cannot be written.
        """
        # A build locks the folder itself.
        lock = self.folder.with_name(f".{self.folder.name}.lock")
        with locked(self.folder, lock=lock, where=self.url, option="--cache"):
            self._look()
            if lender is not None:
                self._bring_vocabulary_of(lender)
            yield

    def _look(self) -> None:
        self._before = manifest_at(self._store)
        self._there = {facts.key: facts.bytes for facts in self._store.list()}
        small = {key for key in self._there if key == BUILD_NAME or _SMALL.fullmatch(key)}
        content = {key: self._store.get(key).content for key in small}
        if self._before is not None:
            content[MANIFEST_NAME] = self._before.content
        self._build = content.get(BUILD_NAME)
        try:
            for name in {MANIFEST_NAME, BUILD_NAME} - content.keys():
                (self.folder / name).unlink(missing_ok=True)
            for key, bytes_of_it in content.items():
                make_folder((self.folder / key).parent)
                replace_file(self.folder / key, bytes_of_it)
        except OSError as error:
            raise OutputError.unwritable(self.folder, error, fix=_FIX) from None

    def has(self, path: str, size: int) -> bool:
        """Say whether a file of an artifact is at the URL, and as large as its record says."""
        return self._there.get(path) == size

    def bring(self, records: Iterable[FileRecord]) -> None:
        """Bring files from the URL, as far as they are not in the folder.

        Raises:
            DamagedFileError: The store has other bytes than a record says.
            StorageError: The store refused or failed.
            OutputError: The folder cannot be written.
        """

        def fetch(record: FileRecord, stopped: Callable[[], bool]) -> None:
            close(fetch_file(lambda: self._store, self.folder, record, stopped=stopped))

        side_by_side(records, fetch)

    def _bring_vocabulary_of(self, name: str) -> None:
        # If there is no such artifact, the build says so.
        other = open_store(f"{self.url.rpartition('/')[0]}/{name}")
        folder = self.folder.with_name(name)
        found = manifest_at(other)
        try:
            make_folder(folder)
            if found is None:
                (folder / MANIFEST_NAME).unlink(missing_ok=True)
                return
            replace_file(folder / MANIFEST_NAME, found.content)
            manifest = Manifest.load(folder)
        except OSError as error:
            raise OutputError.unwritable(folder, error, fix=_FIX) from None
        except ArtifactError:
            return
        vocabulary = manifest.vocabulary
        for record in () if vocabulary is None else (vocabulary.vocab, vocabulary.tokenizer):
            if record is not None:
                close(fetch_file(lambda: other, folder, record))

    def publish(self, progress: Progress, *, force: bool) -> None:
        """Send what is new in the folder, and remove the generations in it.

        Args:
            progress: A function that is told how many bytes are sent.
            force: Whether to send files that are there, too.

        Raises:
            PublishedMeanwhileError: Somebody else published another artifact at the URL meanwhile.
            StorageError: The store refused or failed.
            OutputError: The folder cannot be read.
        """
        if force:
            self._there = {}
        generations = [
            path for path in self.folder.iterdir() if re.fullmatch(GENERATION, path.name)
        ]
        self._send([file for folder in generations for file in folder.iterdir()], progress)
        build = self.folder / BUILD_NAME
        if build.exists() and build.read_bytes() != self._build:
            self._store.put(BUILD_NAME, build)
        manifest = self.folder / MANIFEST_NAME
        content = manifest.read_bytes() if manifest.exists() else None
        if content is not None and (self._before is None or content != self._before.content):
            with suppress(FileNotFoundError):
                self._store.put(CARD_NAME, (self.folder / CARD_NAME).read_bytes())
            publish_manifest(self._store, content, self._before)
        for folder in generations:
            shutil.rmtree(folder, ignore_errors=True)

    def _send(self, files: Iterable[Path], progress: Progress) -> None:
        sizes = {file: file.stat().st_size for file in files}
        new = {file: size for file, size in sizes.items() if not self.has(self._key(file), size)}
        add = adding("send", sum(new.values()), progress)

        def send(file: Path, stopped: Callable[[], bool]) -> None:
            if not stopped():
                self._store.put(self._key(file), file)

        side_by_side(new, send, lambda file: add(new[file]))

    def _key(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix()
