"""Brings what `shardmill inspect` shows of artifacts at URLs into a cache."""

from collections.abc import Sequence
from pathlib import Path


def bring_shown(names: Sequence[str], cache: Path | None, row: str | None) -> list[str | Path]:
    """Return the names as they are, and for each URL the folder of the artifact in the cache.

    Args:
        names: What was written for artifacts.
        cache: The folder of the cache; None for the usual one.
        row: The row that will be shown, as SPLIT:NUMBER; None for the whole card.

    Raises:
        MissingArtifactError: There is no artifact at a URL.
        ArtifactError: A manifest is damaged, or a file is not what its record says.
        StorageError: A store refused or failed.
    """
    from shardmill.store.open_store import is_url

    return [_brought(name, cache, row) if is_url(name) else name for name in names]


def _brought(url: str, cache: Path | None, row: str | None) -> Path:
    from shardmill.format.files_to_show import files_of_card, files_of_row
    from shardmill.store.cached_artifact import CachedArtifact

    artifact = CachedArtifact(url, cache)
    manifest = artifact.load_manifest()
    split, colon, number = (row or "").rpartition(":")
    if row is None:
        artifact.bring(files_of_card(manifest))
    elif number.isdecimal():  # any other is refused when it is looked up
        artifact.bring(files_of_row(manifest, split if colon else "train", int(number)))
    return artifact.folder
