"""Runs with hardly any rows, steps or classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import build

from shardmill import UntrainableError
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.run.train_artifact import RunOptions, train_artifact

RECIPE = """
name = "tiny"
kind = "image"
splits.train = { images.path = "images", labels.path = "labels" }
"""


def images(folder: Path, rows: int, classes: int) -> Path:
    """Build an artifact of images of 8 x 8 pixels, which three poolings bring to one."""
    labels = np.arange(rows, dtype=np.uint8) % classes
    pixels = np.random.default_rng(0).integers(0, 99, (rows, 8, 8), dtype=np.uint8)
    (folder / "images").write_bytes(encode_idx(pixels + 100 * labels[:, None, None]))
    (folder / "labels").write_bytes(encode_idx(labels))
    names = [str(n) for n in range(classes)]
    return build(parse_recipe(RECIPE + f"target.classes = {names}", where="test"), folder, folder)


@pytest.mark.parametrize("architecture", ["image_cnn", "image_resnet"])
def test_a_last_batch_of_one_row(tmp_path: Path, architecture: str) -> None:
    artifact = images(tmp_path, 33, 2)
    changes = {"batch_size": 32, "epochs": 2, "model": {"architecture": architecture}}
    result = train_artifact(artifact, tmp_path, options=RunOptions(changes))
    assert np.isfinite(result.metrics["train_loss"])


def test_one_class_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    with pytest.raises(UntrainableError, match="expected two classes or more, found 0"):
        train_artifact(images(tmp_path, 20, 1), tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 2, "batch_size": 900, "warmup": 0.5},  # a step up, and the cycle is over
        {"epochs": 1, "batch_size": 900},  # one step
        {"epochs": 10, "batch_size": 900, "warmup": 0.1},
    ],
)
def test_hardly_any_steps(sample_artifacts: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    slow = {**changes, "learning_rate": 1e-9}
    artifact = sample_artifacts / "titanic"
    untrained = train_artifact(artifact, tmp_path / "slow", options=RunOptions(slow))
    result = train_artifact(artifact, tmp_path, options=RunOptions(changes))
    assert result.metrics["validation_loss"] < untrained.metrics["validation_loss"]
