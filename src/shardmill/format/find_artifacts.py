"""Finds artifacts by name."""

import os
from collections.abc import Sequence
from pathlib import Path

from shardmill.errors import MissingArtifactError
from shardmill.faults import hint
from shardmill.format.near_artifacts import MANIFEST_NAME, artifacts_in, name_meant


def find_artifacts(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the artifacts called `names` in a folder, or all that are in it, sorted.

    Raises:
        MissingArtifactError: There is no artifact, or none with one of the names.
    """
    found = artifacts_in(folder)
    known = [path.name for path in found]
    for name in names:
        if name not in known:
            raise MissingArtifactError(
                folder / name,
                expected=f"an artifact, one of {', '.join(known)}" if known else "an artifact",
                found="none",
                fix=_way_to(name, known),
            )
    if not found:
        raise MissingArtifactError(
            folder,
            expected="artifacts",
            found="none",
            fix="run `shardmill preprocess` first, or check --artifacts",
        )
    return [folder / name for name in names] if names else found


def _way_to(given: str, known: Sequence[str]) -> str:
    """Return what to do about a name that is not known, which may be a path or a recipe."""
    path, name = Path(given), name_meant(given)
    if name in known:
        return f"did you mean {name}?"
    if os.path.isfile(path / MANIFEST_NAME):  # noqa: PTH113  False for any text
        return f"give the name alone, and its folder by --artifacts {path.parent}"
    if path.suffix == ".toml" and os.path.isfile(path):  # noqa: PTH113  False for any text
        return f"run `shardmill preprocess {given}` first"
    return hint(name, known, "run `shardmill preprocess` first")
