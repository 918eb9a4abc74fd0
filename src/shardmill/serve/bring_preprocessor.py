"""Brings what a preprocessor is made of from a URL into a cache."""

import os
from pathlib import Path

from shardmill.errors import MissingArtifactError
from shardmill.format.manifest import Manifest
from shardmill.serve.bring_model import bring_model
from shardmill.store.cached_artifact import CachedArtifact


def bring_preprocessor(
    url: str, cache: str | os.PathLike[str] | None, manifest: Manifest | None
) -> tuple[Path, Manifest | None]:
    """Return a folder in the cache with the files of a preprocessor, and the manifest beside them.

    Args:
        url: The URL of an artifact or of a model.
        cache: The folder of the cache; None for the user's own.
        manifest: The manifest of the artifact, if it was read before.

    Raises:
        MissingArtifactError: There is neither an artifact nor a model at the URL.
        ArtifactError: A file is missing or damaged.
        StorageError: The storage refused or failed.
        OutputError: The cache cannot be written.
    """
    artifact = CachedArtifact(url, cache)
    if manifest is None:
        try:
            manifest = artifact.load_manifest()
        except MissingArtifactError as missing:
            try:
                return bring_model(url, cache), None
            except MissingArtifactError:
                raise missing from None
    artifact.bring(() if manifest.vocabulary is None else manifest.vocabulary.files())
    return artifact.folder, manifest
