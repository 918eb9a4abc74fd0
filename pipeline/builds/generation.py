"""Generations: the folders of an artifact, each of which holds what one run of one stage wrote.

A generation is written beside its place and put there when it is whole. It is removed only when no
manifest names it any more. Its name is made from the hash of everything that its bytes depend on,
so two generations of one name have the same content.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from shardmill.atomic import replace_file, sync
from shardmill.ended_threads import EndedThreads
from shardmill.errors import OutputError
from shardmill.format.manifest import FileRecord, Manifest
from shardmill.format.near_artifacts import MANIFEST_NAME
from shardmill.pipeline.builds.attempts import remove_attempts
from shardmill.store.mounts import collect

# How many files are flushed to disk at the same time; the file system then waits for the disk a few
# times instead of once a file.
_SYNCS = 16
BUILD_NAME = "build.json"
CARD_NAME = "README.md"
# How the folders of generations are named, as a pattern.
GENERATION = r"(clean|shards)-[0-9a-f]{12}"
_REMAINS = re.compile(
    rf"\.building-({GENERATION}|raw|prepared)|\.((manifest|build)\.json|README\.md)\.\d+\.new"
)


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation that is being written.

    Attributes:
        name: The name of its folder, once it is in place.
        folder: The folder in which its files are written until then.
    """

    name: str
    folder: Path

    def record(self, file: str) -> FileRecord:
        """Return the record of a written file."""
        with (self.folder / file).open("rb") as stream:
            digest = hashlib.file_digest(stream, xxhash.xxh3_128).hexdigest()
            size = stream.tell()
        return FileRecord(path=f"{self.name}/{file}", bytes=size, xxh3_128=digest)

    def write(self, file: str, content: bytes) -> FileRecord:
        """Write a small file, and return its record."""
        (self.folder / file).write_bytes(content)
        return self.record(file)


def record_of(file: str, content: bytes) -> FileRecord:
    """Return the record of a small file beside the manifest."""
    digest = xxhash.xxh3_128_hexdigest(content)
    return FileRecord(path=file, bytes=len(content), xxh3_128=digest)


def generation_name(stage: str, key: str) -> str:
    """Return the folder name of a stage's result."""
    return f"{stage}-{key[:12]}"


_FIX = "choose another folder with --out, or make room and permissions"


@contextmanager
def new_generation(artifact: Path, name: str) -> Iterator[Generation]:
    """Give a folder to write a generation in, and put it in place if the block raises nothing.

    A generation of the same name that is there already holds the same bytes. Its files are replaced
    one by one by rename, so that a reader keeps what it has mapped and always finds every file.

    Args:
        artifact: The folder of the artifact.
        name: The name of the generation.

    Raises:
        OutputError: The folder cannot be written.
    """
    folder = artifact / f".building-{name}"
    try:
        shutil.rmtree(folder, ignore_errors=True)  # a killed build may have left one
        folder.mkdir()
        yield Generation(name, folder)
        collect(folder)
        remove_attempts(folder)
        with EndedThreads(_SYNCS) as threads:
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


def new_scratch(artifact: Path, name: str, build: str = "") -> Path:
    """Return a new folder for temporary files, which `remove_remains` removes.

    Args:
        artifact: The folder of the artifact.
        name: What the files are: `raw` or `prepared`.
        build: What the content of the files depends on. A task that outlives another build then
            does not write to this folder.

    Raises:
        OutputError: The folder of the artifact cannot be written.
    """
    folder = artifact / f".building-{name}" / build
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise OutputError.unwritable(folder, error, fix=_FIX) from None
    return folder


def publish(artifact: Path, manifest: Manifest, *, build: bytes, card: bytes) -> None:
    """Make readers see a new manifest, then remove the generations that it does not name.

    Args:
        artifact: The folder of the artifact.
        manifest: The new manifest.
        build: The content of build.json.
        card: The content of README.md.

    Raises:
        OutputError: The folder cannot be written.
    """
    try:
        replace_file(artifact / BUILD_NAME, build)
        replace_file(artifact / CARD_NAME, card)
        replace_file(artifact / MANIFEST_NAME, manifest.to_json())
    except OSError as error:
        raise OutputError.unwritable(artifact, error, fix=_FIX) from None
    named = {record.path.split("/")[0] for record in manifest.files()}
    for folder in artifact.iterdir():
        if re.fullmatch(GENERATION, folder.name) and folder.name not in named:
            shutil.rmtree(folder, ignore_errors=True)


def build_json(facts: Mapping[str, Any]) -> bytes:
    """Return the bytes of build.json: sorted keys, two spaces a level, trailing newline."""
    return (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()


def replace_build(artifact: Path, build: bytes) -> None:
    """Replace build.json, and nothing else.

    Raises:
        OutputError: The folder cannot be written.
    """
    try:
        replace_file(artifact / BUILD_NAME, build)
    except OSError as error:
        raise OutputError.unwritable(artifact, error, fix=_FIX) from None


def has_remains(artifact: Path) -> bool:
    """Say whether a killed build has left temporary files behind."""
    return artifact.is_dir() and any(_REMAINS.fullmatch(path.name) for path in artifact.iterdir())


def remove_remains(artifact: Path) -> None:
    """Remove what killed builds have left behind. The caller holds the lock of the artifact."""
    for path in artifact.iterdir():
        if not _REMAINS.fullmatch(path.name):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
