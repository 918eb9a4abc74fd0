"""Puts an artifact at a URL, so that readers see the old one or the new one, never a mixture."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from shardmill.format.manifest import FileRecord, Manifest
from shardmill.format.near_artifacts import MANIFEST_NAME, way_to_artifact
from shardmill.format.record import read_content
from shardmill.store.open_store import open_store
from shardmill.store.publish import Progress, Pushed, content_at, publish, send_files
from shardmill.store.store import Content, Store


def push_artifact(
    artifact: Path,
    url: str,
    *,
    force: bool = False,
    progress: Progress = lambda label, done, total: None,  # noqa: ARG005
) -> Pushed:
    """Put an artifact at a URL, or into another folder.

    The files of its generations come first, each compared with its record. A file of this name and
    size that is there is left alone, since a generation is named by all that its bytes depend on.
    The manifest comes last, in one step, and only if the manifest that was there at the beginning
    is still there. Generations that were there before stay.

    Args:
        artifact: The folder of the artifact.
        url: Where to put it: the URL of the artifact itself, not of a folder of artifacts.
        force: Whether to send files that are there, too.
        progress: A function that is told how far it is.

    Raises:
        MissingArtifactError: There is no artifact.
        DamagedFileError: A file is missing, or is not the one that was written.
        PublishedMeanwhileError: Somebody else published another artifact at the URL meanwhile.
        StorageError: The store refused or failed.
    """
    path = artifact / MANIFEST_NAME
    content = read_content(path, fix=way_to_artifact)
    manifest = Manifest.parse(path, content)
    store = open_store(url)
    before = manifest_at(store)
    records = [record for record in manifest.files() if record != manifest.card]
    there = set() if force else _files_at(store, records)
    missing = [record for record in records if (record.path, record.bytes) not in there]
    send_files(store, artifact, missing, progress)
    status: Literal["pushed", "up to date"] = "up to date"
    if before is None or before.content != content:
        if manifest.card is not None and (artifact / manifest.card.path).is_file():
            store.put(manifest.card.path, artifact / manifest.card.path)
        publish_manifest(store, content, before)
        status = "pushed"
    sent = sum(record.bytes for record in missing)
    return Pushed(str(artifact), store.url, status, len(missing), sent)


def manifest_at(store: Store) -> Content | None:
    """Return the manifest of an artifact as it is now; None if there is none.

    Raises:
        StorageError: The store refused or failed.
    """
    return content_at(store, MANIFEST_NAME)


def publish_manifest(store: Store, content: bytes, before: Content | None) -> None:
    """Put a manifest in the place of the one that was there before.

    Args:
        store: The store of the artifact.
        content: The new manifest.
        before: What `manifest_at` said before the work on the new artifact began.

    Raises:
        PublishedMeanwhileError: Another manifest is there now.
        StorageError: The store refused or failed.
    """
    publish(store, MANIFEST_NAME, content, before, _generation)


def _files_at(store: Store, records: Iterable[FileRecord]) -> set[tuple[str, int]]:
    folders = {record.path.rpartition("/")[0] for record in records}
    return {(found.key, found.bytes) for folder in folders for found in store.list(folder)}


def _generation(manifest: bytes) -> str:
    """Return the name of the generation that a manifest names, which may be of any version."""
    try:
        facts = json.loads(manifest)
        return f"shards-{facts['shard_key'][:12]}"
    except (ValueError, TypeError, KeyError):
        return "a manifest that cannot be read"
