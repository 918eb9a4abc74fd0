"""Brings what `shardmill inspect` shows of artifacts at URLs into a cache."""

from collections.abc import Sequence
from pathlib import Path

from shardmill.urls import PathOrUrl, is_url


def bring_shown(artifacts: Sequence[PathOrUrl], cache: Path | None, row: str | None) -> list[Path]:
    """Return the folders of artifacts, which for those at URLs are in the cache.

    Args:
        artifacts: The folders and URLs of artifacts.
        cache: The folder of the cache; None for the usual one.
        row: The row that will be shown, as SPLIT:NUMBER; None for the whole card.

    Raises:
        MissingArtifactError: There is no artifact at a URL.
        ArtifactError: A manifest is damaged, or a file is not what its record says.
        StorageError: A store refused or failed.
    """
    return [
        _brought(str(place), cache, row) if is_url(place) else Path(place) for place in artifacts
    ]


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
