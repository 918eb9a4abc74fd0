"""Finds artifacts by name."""

from collections.abc import Sequence
from pathlib import Path

from shardmill.errors import MissingArtifactError
from shardmill.faults import hint
from shardmill.format.manifest import MANIFEST_NAME


def find_artifacts(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the artifacts called `names` in a folder, or all that are in it, sorted.

    Raises:
        MissingArtifactError: There is no artifact, or none with one of the names.
    """
    found = sorted(path.parent for path in folder.glob(f"*/{MANIFEST_NAME}"))
    known = [path.name for path in found]
    for name in names:
        if name not in known:
            raise MissingArtifactError(
                folder / name,
                expected=f"an artifact, one of {', '.join(known)}" if known else "an artifact",
                found="none",
                fix=hint(name, known, "run `shardmill preprocess` first"),
            )
    if not found:
        raise MissingArtifactError(
            folder,
            expected="artifacts",
            found="none",
            fix="run `shardmill preprocess` first, or check --artifacts",
        )
    return [folder / name for name in names] if names else found
