"""Brings the shards of an artifact at a URL into a cache before they are read, with a bar."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shardmill.urls import PathOrUrl, is_url

if TYPE_CHECKING:
    from shardmill.format.file_record import FileRecord
    from shardmill.format.manifest import SplitRecord


def bring_splits(
    artifact: PathOrUrl,
    cache: Path | None,
    wanted: Callable[[str, "SplitRecord"], bool],
    *,
    quiet: bool,
) -> None:
    """Bring the shards of some splits into a cache, if the artifact is at a URL.

    Without this, they would come when the first row is read, and nobody would see how far they are.

    Args:
        artifact: The folder or the URL of the artifact.
        cache: The folder of the cache; None for the usual one.
        wanted: Says of the name and the record of a split whether it is wanted.
        quiet: Whether to draw no bar.

    Raises:
        ArtifactError: There is no artifact at the URL, or a file is not what its record says.
        StorageError: The store refused or failed.
    """
    if not is_url(artifact):
        return
    from shardmill.cli.progress_bars import progress_bars
    from shardmill.store.cached_artifact import CachedArtifact

    cached = CachedArtifact(str(artifact), cache)
    splits = cached.load_manifest().splits
    records = [r for name, split in splits.items() if wanted(name, split) for r in split.shards]
    missing = cached.missing(records)
    total, so_far = sum(record.bytes for record in missing), 0
    with progress_bars(quiet=quiet) as calls:

        def brought(record: "FileRecord") -> None:
            nonlocal so_far
            so_far += record.bytes
            calls.progress("bring", so_far, total)

        cached.bring(missing, brought)
