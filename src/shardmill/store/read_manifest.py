"""Reads the manifest of an artifact in a store."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from shardmill.errors import (
    FormatVersionError,
    ManifestError,
    MissingArtifactError,
    MissingObjectError,
)
from shardmill.format.file_record import FileRecord
from shardmill.format.manifest import Manifest
from shardmill.format.near_artifacts import MANIFEST_NAME
from shardmill.store.fetch_file import fetch_file
from shardmill.store.store import Store


def read_manifest(store: Store) -> bytes:
    """Return the content of the manifest of an artifact.

    Raises:
        MissingArtifactError: There is none.
        StorageError: The store refused or failed.
    """
    try:
        return store.get(MANIFEST_NAME).content
    except MissingObjectError as error:
        raise MissingArtifactError(
            store.url,
            expected=f"an artifact, which has a {MANIFEST_NAME}",
            found=error.found,
            fix="correct the URL, or push an artifact there with `shardmill push`",
        ) from None


def _tables_in(manifest: bytes) -> Iterator[FileRecord]:
    """Yield the tables of shards that the content of a manifest names, before it is checked."""
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
        for split in json.loads(manifest)["splits"].values():
            if isinstance(split["shards"], dict):
                with suppress(ValidationError):  # the check of the manifest says so
                    yield FileRecord.model_validate(split["shards"])


def parse_manifest(store: Store, content: bytes, folder: Path | None = None) -> Manifest:
    """Return the manifest of which `content` is the file.

    Args:
        store: The store of the artifact.
        content: The bytes of the file.
        folder: The folder into which tables of shards are brought, which are a part of the
            manifest. None for one that is removed again.

    Raises:
        FormatVersionError: Its version is newer than this reader knows.
        ManifestError: It is damaged, or breaks the format.
        DamagedFileError: A table of shards is not the file that was written.
        StorageError: The store refused or failed.
    """
    if folder is None:
        with TemporaryDirectory(prefix="shardmill-") as temporary:
            return parse_manifest(store, content, Path(temporary))
    for record in _tables_in(content):
        os.close(fetch_file(lambda: store, folder, record))
    try:
        return Manifest.parse(folder / MANIFEST_NAME, content)
    except (ManifestError, FormatVersionError) as error:
        facts = {"expected": error.expected, "found": error.found, "fix": error.fix}
        raise type(error)(f"{store.url}/{MANIFEST_NAME}", **facts) from None
