"""What the tests of transfer share."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import shardmill
from shardmill.training.run.train_artifact import Result, RunOptions, train_artifact

LETTERS = """
name = "letters"
kind = "image"
target.classes = ["a", "b", "c"]
[splits.train]
images.path = "images"
labels.path = "labels"
"""


def train(artifact: Path, out: Path, model: Path, *, resume: bool = False, **more: Any) -> Result:
    transfer = {"model": str(model), **more.pop("transfer", {})}
    changes = {"epochs": 1, "batch_size": 32, **more, "transfer": transfer}
    return train_artifact(artifact, out, options=RunOptions(changes, resume=resume))


def weights(model: Path) -> dict[str, Tensor]:
    return shardmill.load_model(model).module.state_dict()


def changed(before: dict[str, Tensor], after: dict[str, Tensor], part: str) -> set[str]:
    """Return the tensors of a part that are others now."""
    names = (name for name in before if name.startswith(part))
    return {name for name in names if not torch.equal(before[name], after[name])}
