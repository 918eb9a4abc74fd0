"""Finds the record of a split by its name."""

from shardmill.errors import UnknownSplitError
from shardmill.faults import hint
from shardmill.format.manifest import Manifest, SplitRecord


def find_split(manifest: Manifest, path: object, split: str) -> SplitRecord:
    """Return the record of a split.

    Args:
        manifest: The manifest of the artifact.
        path: Where the artifact is, for errors.
        split: The name of the split.

    Raises:
        UnknownSplitError: The artifact has no such split.
    """
    if split in manifest.splits:
        return manifest.splits[split]
    raise UnknownSplitError(
        path,
        expected=f"a split, one of {', '.join(manifest.splits)}",
        found=repr(split),
        fix=hint(split, manifest.splits, "name one of them"),
    )
