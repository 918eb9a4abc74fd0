"""Says which artifact was meant by a path at which there is none."""

import os
from collections.abc import Sequence
from pathlib import Path

from shardmill.faults import closest
from shardmill.urls import url_meant

MANIFEST_NAME = "manifest.json"
USUAL_FOLDER = Path("artifacts")  # where `shardmill preprocess` writes
_LISTED = 5


def artifacts_in(folder: Path) -> list[Path]:
    """Return the artifacts right below a folder, sorted."""
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST_NAME}"))


def name_meant(given: str | Path) -> str:
    """Return the name that an artifact has if its path or its recipe was given.

    Example:
        >>> name_meant("artifacts/iris"), name_meant("iris.toml")
        ('iris', 'iris')
    """
    return Path(given).name.removesuffix(".toml")


def way_to_artifact(given: Path, folder: Path | None = None) -> str:
    """Return what to do about a path at which there is no artifact.

    Args:
        given: The path.
        folder: The folder in which names are looked up; None if only paths are taken.
    """
    if (meant := url_meant(given)) is not None:
        return f"give a URL as a text, with two slashes: {meant}"
    is_folder = os.path.isdir(given)  # noqa: PTH112  False for names that are too long
    if inside := artifacts_in(given) if is_folder else []:
        return give(inside)
    near = [*artifacts_in(given.parent), *artifacts_in(folder or USUAL_FOLDER)]
    by_name = {path.name: path for path in reversed(near)}  # those beside the path come first
    name = name_meant(given)
    if name in by_name:
        return give([by_name[name]])
    if given.suffix == ".toml" and os.path.isfile(given):  # noqa: PTH113  False for any text
        return f"build it with `shardmill preprocess {given}` first"
    close = closest(name, by_name)
    if close is not None:
        is_name = folder is not None and len(given.parts) == 1 and by_name[close].parent == folder
        return f"did you mean {close if is_name else by_name[close]}?"
    return "build it with `shardmill preprocess`, or correct the path"


def give(paths: Sequence[Path]) -> str:
    """Return the advice to give one of some paths, of which at most five are listed."""
    more = ", ..." if len(paths) > _LISTED else ""
    listed = ", ".join(map(str, paths[:_LISTED]))
    return f"give {listed}" if len(paths) == 1 else f"give one of {listed}{more}"
