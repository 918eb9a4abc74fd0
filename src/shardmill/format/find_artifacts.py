"""Finds the artifacts that somebody meant by names and paths."""

import os
from collections.abc import Sequence
from pathlib import Path

from shardmill.errors import MissingArtifactError
from shardmill.format.near_artifacts import MANIFEST_NAME, artifacts_in, way_to_artifact
from shardmill.named import find_artifact
from shardmill.urls import PathOrUrl, is_url


def find_artifacts(folder: PathOrUrl, given: Sequence[PathOrUrl]) -> list[PathOrUrl]:
    """Return the folders and URLs of artifacts that somebody meant, each once.

    Nothing is asked of a URL yet.

    Args:
        folder: The folder of the artifacts, in which names are looked up, or its URL.
        given: What was written; see `shardmill.named`. The path of a folder of artifacts stands for
            all artifacts in it. If nothing was written, those of `folder` are meant.

    Raises:
        MissingArtifactError: There is no artifact, or none that something stands for.
    """
    if not given and is_url(folder):
        raise MissingArtifactError(
            folder,
            expected="the names of artifacts below this URL, which is not searched",
            found="none",
            fix="name them, or give the URL of each",
        )
    meant: list[PathOrUrl] = [] if given else [*artifacts_in(Path(folder))]
    for one in given:
        artifact = find_artifact(one, folder)
        meant += [artifact] if artifact is not None else _inside(Path(one))
    if not meant:
        raise MissingArtifactError(
            folder,
            expected="artifacts",
            found="none",
            fix="run `shardmill preprocess` first, or check --artifacts",
        )
    for path in (Path(place) for place in meant if not is_url(place)):
        if not os.path.isfile(path / MANIFEST_NAME):  # noqa: PTH113  False for any text
            raise MissingArtifactError(
                path,
                expected=f"an artifact, which has a {MANIFEST_NAME}",
                found="none",
                fix=way_to_artifact(path, None if is_url(folder) else Path(folder)),
            )
    return list({_key(place): place for place in meant}.values())


def _key(place: PathOrUrl) -> PathOrUrl:
    """Return what two ways of writing one place have in common."""
    return str(place).rstrip("/") if is_url(place) else Path(place).resolve()


def _inside(path: Path) -> list[Path]:
    """Return the artifacts in a folder, or what may be no folder itself."""
    is_folder = os.path.isdir(path)  # noqa: PTH112  False for names that are too long
    return (artifacts_in(path) if is_folder else []) or [path]
