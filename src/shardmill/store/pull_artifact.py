"""Brings an artifact from a URL into a folder."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shardmill.atomic import replace_file
from shardmill.errors import (
    DamagedFileError,
    MissingObjectError,
    OutputError,
)
from shardmill.format.artifact_lock import locked
from shardmill.format.manifest import FileRecord
from shardmill.format.near_artifacts import MANIFEST_NAME
from shardmill.format.shard_file import check_file
from shardmill.store.fetch_file import fetch_file
from shardmill.store.open_store import open_store
from shardmill.store.publish import Progress, adding
from shardmill.store.read_manifest import parse_manifest, read_manifest
from shardmill.store.side_by_side import side_by_side

_FIX = "choose another folder with --out, or make room and permissions"


def pull_artifact(
    url: str,
    out: Path,
    *,
    progress: Progress = lambda label, done, total: None,  # noqa: ARG005
) -> Path:
    """Bring an artifact into a folder of its name below `out`, and return that folder.

    Every file is compared with its record, also one that is there already. The manifest comes last.
    What a pull that ended early has brought, the next one goes on from.

    Args:
        url: The URL of the artifact, or its folder elsewhere.
        out: The folder in which the artifact gets a folder.
        progress: A function that is told how far it is.

    Raises:
        MissingArtifactError: There is no artifact at the URL.
        ManifestError: Its manifest is damaged.
        FormatVersionError: The version of the manifest is newer than this reader knows.
        DamagedFileError: The store has other bytes than a record says.
        StorageError: The store refused or failed.
        LockedError: A build of this artifact is running in the folder.
        OutputError: The folder cannot be written.
    """
    store = open_store(url)
    content = read_manifest(store)
    manifest = parse_manifest(store, content)
    folder = out / manifest.name
    records = [record for record in manifest.files() if record != manifest.card]
    add = adding("pull", sum(record.bytes for record in records), progress)

    def fetch(record: FileRecord, stopped: Callable[[], bool]) -> None:
        if (folder / record.path).exists():
            try:
                return check_file(folder, record)
            except DamagedFileError:
                (folder / record.path).unlink()
        return os.close(fetch_file(lambda: store, folder, record, stopped=stopped))

    with locked(folder):
        try:
            side_by_side(records, fetch, lambda record: add(record.bytes))
            if manifest.card is not None:
                with suppress(MissingObjectError):  # people may change or remove it
                    replace_file(folder / manifest.card.path, store.get(manifest.card.path).content)
            replace_file(folder / MANIFEST_NAME, content)
        except OSError as error:
            raise OutputError.unwritable(folder, error, fix=_FIX) from None
    return folder
