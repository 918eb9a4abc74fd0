"""Tells artifacts in folders from those that are elsewhere and come into a cache."""

import os
from typing import TYPE_CHECKING

from shardmill.urls import is_url

if TYPE_CHECKING:
    from shardmill.store.cached_artifact import CachedArtifact


def find_cached(
    path: str | os.PathLike[str], cache: str | os.PathLike[str] | None, cache_bytes: int | None
) -> "CachedArtifact | None":
    """Return what brings the files of an artifact at a URL into a cache; None for a folder.

    Raises:
        OutputError: The cache cannot be written.
        ValueError: There is a cache for a folder.
    """
    if is_url(path):
        from shardmill.store.cached_artifact import CachedArtifact

        return CachedArtifact(str(path), cache, cache_bytes)
    if cache is not None or cache_bytes is not None:
        raise ValueError(f"only what is at a URL is brought into a cache, and {path} is a folder")
    return None
