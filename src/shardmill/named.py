"""Understands what somebody wrote for an artifact, a recipe or a saved model.

The same rule holds for every command:

1. A path at which there is what the command wants is taken as it is. So is a folder that holds it:
   the folder of a run for its model.
2. A bare name, such as iris, stands for artifacts/iris, runs/iris/model, and iris.toml or else the
   shipped recipe iris. Options of the commands name other folders than artifacts and runs.
3. A path of something else of the same dataset stands for its name: a recipe for the name in it,
   the folder of an artifact, a run or a model for the name of the artifact or the run.
4. A URL is taken as it is. If the folder of the artifacts or the runs is at a URL, a name stands
   for what is below it.

Nothing else is guessed: a path at which there is nothing stands for nothing.
"""

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from shardmill.format.near_artifacts import MANIFEST_NAME
from shardmill.urls import PathOrUrl, is_url, join_url

# `shardmill.serve.model_facts` has this name, too, but it imports numpy and pyarrow.
MODEL_NAME = "model.json"
RUNS = Path("runs")  # where `shardmill train` writes
_RECIPE = ".toml"


def find_artifact(given: PathOrUrl, folder: PathOrUrl) -> PathOrUrl | None:
    """Return the folder or the URL of the artifact that somebody meant, or None if there is none.

    Args:
        given: What was written.
        folder: The folder of the artifacts, in which names are looked up, or its URL.
    """
    if is_url(given):
        return given
    path = Path(given)
    if _has(path, MANIFEST_NAME):
        return path
    name = dataset_name(given)
    if is_url(folder):
        return join_url(folder, name) if name else None
    folder = Path(folder)
    return folder / name if name and _has(folder / name, MANIFEST_NAME) else None


def find_model(given: PathOrUrl, runs: PathOrUrl) -> PathOrUrl | None:
    """Return the folder or the URL of the saved model that somebody meant, or None.

    Args:
        given: What was written.
        runs: The folder of the runs, in which names are looked up, or its URL.
    """
    if is_url(given):
        return given
    if (there := model_in(Path(given))) is not None:
        return there
    name = dataset_name(given)
    if name is None:
        return None
    own = join_url(runs, name, "model")
    return own if is_url(own) or _has(Path(own), MODEL_NAME) else None


def model_in(path: Path) -> Path | None:
    """Return the folder of the model that a path is of, or the run there has, or None."""
    return next((f for f in (path, path / "model") if _has(f, MODEL_NAME)), None)


def find_recipe(given: str, shipped: Sequence[str]) -> str | None:
    """Return the path of the recipe that somebody meant, or the name of a shipped one.

    Args:
        given: What was written.
        shipped: The names of the shipped recipes.

    Returns:
        A path or URL that ends in .toml, a name in `shipped`, or None if there is no such recipe. A
        file without content counts as missing: `shardmill recipe show iris > iris.toml` makes one
        before the command begins.
    """
    if given.endswith(_RECIPE):
        return given
    name = dataset_name(given)
    if name is None:
        return None
    own = Path(f"{name}{_RECIPE}")
    if own.is_file() and own.stat().st_size:
        return str(own)
    return name if name in shipped else None


def dataset_name(given: str | Path) -> str | None:
    """Return the name of the dataset that a name or an existing path stands for, or None.

    Example:
        >>> dataset_name("iris"), dataset_name("no/such/folder")
        ('iris', None)
    """
    text = str(given)
    path = Path(text)
    if text.endswith(_RECIPE):
        name = _name_in(path)
    elif os.sep not in text and text.strip("."):
        name = text
    elif _has(path, MODEL_NAME) and path.name == "model":
        name = path.resolve().parent.name
    elif any(_has(path, file) for file in (MANIFEST_NAME, MODEL_NAME)) or _is_run(path):
        name = path.resolve().name
    else:
        return None
    return name if name and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name) else None


def _name_in(recipe: Path) -> str | None:
    try:
        name = tomllib.loads(recipe.read_text(encoding="utf-8")).get("name")
    except (OSError, ValueError):
        return None
    return name if isinstance(name, str) else None


def _is_run(path: Path) -> bool:
    return _has(path / "model", MODEL_NAME) or any(
        os.path.exists(path / name)  # noqa: PTH110  False for any text
        for name in ("checkpoints", "metrics.json")
    )


def _has(folder: Path, name: str) -> bool:
    return os.path.isfile(folder / name)  # noqa: PTH113  False for names that are too long
