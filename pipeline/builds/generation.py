"""Folders of an artifact: written beside, put in place whole, removed only when nothing names them.

A generation is what one run of one stage wrote. Its name is made from the hash of all that its
bytes depend on, so an equal name means equal content.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash
from filelock import FileLock, Timeout

from shardmill.atomic import replace_file, sync
from shardmill.errors import LockedError, OutputError
from shardmill.format.manifest import MANIFEST_NAME, FileRecord, Manifest

_SYNCS = 16
BUILD_NAME = "build.json"
_GENERATION = re.compile(r"(clean|shards)-[0-9a-f]{12}")
_REMAINS = re.compile(r"\.building-((clean|shards)-[0-9a-f]{12}|raw|prepared)")


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation that is being written.

    Attributes:
        name: of its folder, once it is in place.
        folder: where its files are written until then.
    """

    name: str
    folder: Path

    def record(self, file: str) -> FileRecord:
        """Return the record of a written file."""
        digest = xxhash.xxh3_128()
        size = 0
        with (self.folder / file).open("rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
                size += len(block)
        return FileRecord(path=f"{self.name}/{file}", bytes=size, xxh3_128=digest.hexdigest())

    def write(self, file: str, content: bytes) -> FileRecord:
        """Write a small file, and return its record."""
        (self.folder / file).write_bytes(content)
        return self.record(file)


def generation_name(stage: str, key: str) -> str:
    """Return the folder name of a stage's result."""
    return f"{stage}-{key[:12]}"


@contextmanager
def locked(artifact: Path) -> Iterator[None]:
    """Make the artifact's folder and keep other builds out of it.

    The lock is the operating system's: it ends with the process, however that ends.

    Raises:
        LockedError: another build is running.
        OutputError: the folder cannot be written.
    """
    try:
        artifact.mkdir(parents=True, exist_ok=True)
        lock = FileLock(artifact / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise LockedError(
            artifact,
            expected="no other build",
            found="one that is running",
            fix="wait until it is done",
        ) from None
    except OSError as error:
        raise OutputError.unwritable(artifact, error, fix=_FIX) from None
    try:
        yield
    finally:
        lock.release()


_FIX = "choose another folder with --out, or make room and permissions"


@contextmanager
def new_generation(artifact: Path, name: str) -> Iterator[Generation]:
    """Give a folder to write a generation in; put it in place if all goes well.

    A generation of the same name holds the same bytes. Its files are replaced one by one by
    rename, so that a reader keeps what it has mapped and finds every file at any time.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = artifact / f".building-{name}"
    try:
        shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed
        folder.mkdir()
        yield Generation(name, folder)
        # All at once: the file system then waits for the disk a few times, not once a file.
        with ThreadPoolExecutor(_SYNCS) as threads:
            list(threads.map(sync, folder.iterdir()))
        sync(folder)
        final = artifact / name
        if final.is_dir():
            for file in sorted(folder.iterdir()):
                file.replace(final / file.name)
        else:
            folder.rename(final)
        sync(artifact)
    except OSError as error:
        raise OutputError.unwritable(error.filename or folder, error, fix=_FIX) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_scratch(artifact: Path, name: str) -> Path:
    """Return a new folder, `raw` or `prepared`, that `remove_remains` removes.

    Raises:
        OutputError: the artifact's folder cannot be written.
    """
    folder = artifact / f".building-{name}"
    try:
        folder.mkdir()
    except OSError as error:
        raise OutputError.unwritable(folder, error, fix=_FIX) from None
    return folder


def publish(artifact: Path, manifest: Manifest, build: bytes) -> None:
    """Make readers see a new manifest, then remove the generations that it does not name.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        replace_file(artifact / BUILD_NAME, build)
        replace_file(artifact / MANIFEST_NAME, manifest.to_json())
    except OSError as error:
        raise OutputError.unwritable(artifact, error, fix=_FIX) from None
    named = {record.path.split("/")[0] for record in manifest.files()}
    for folder in artifact.iterdir():
        if _GENERATION.fullmatch(folder.name) and folder.name not in named:
            shutil.rmtree(folder, ignore_errors=True)


def build_json(facts: Mapping[str, Any]) -> bytes:
    """Return the bytes of build.json: sorted keys, two spaces a level, trailing newline."""
    return (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()


def replace_build(artifact: Path, build: bytes) -> None:
    """Replace build.json alone.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        replace_file(artifact / BUILD_NAME, build)
    except OSError as error:
        raise OutputError.unwritable(artifact, error, fix=_FIX) from None


def has_remains(artifact: Path) -> bool:
    """Say whether a killed build has left a folder behind."""
    return artifact.is_dir() and any(_REMAINS.fullmatch(path.name) for path in artifact.iterdir())


def remove_remains(artifact: Path) -> None:
    """Remove what killed builds have left behind; the artifact must be locked."""
    for path in artifact.iterdir():
        if _REMAINS.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)
