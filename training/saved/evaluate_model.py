"""Evaluates a saved model on a labelled split of an artifact."""

import os

from shardmill.datasets.open_artifact import open as open_split
from shardmill.training.saved.evaluate_classes import ClassEvaluation, evaluate_classes
from shardmill.training.saved.evaluate_numbers import NumberEvaluation, evaluate_numbers
from shardmill.training.saved.load_model import Model
from shardmill.training.saved.open_evaluated import open_evaluated

Evaluation = ClassEvaluation | NumberEvaluation


def default_split(
    artifact: str | os.PathLike[str], *, cache: str | os.PathLike[str] | None = None
) -> str:
    """Return "test" if an artifact has rows with labels under that name, else "validation".

    Args:
        artifact: The folder of the artifact, or its URL.
        cache: For a URL, the folder into which files are brought; None for the user's own.

    Raises:
        ArtifactError: The artifact cannot be read.
        StorageError: The storage at the URL refused or failed.
    """
    test = open_split(artifact, cache=cache).manifest.splits.get("test")
    return "test" if test is not None and test.labelled and test.rows else "validation"


def evaluate_model(
    model: Model,
    artifact: str | os.PathLike[str],
    split: str,
    *,
    batch_size: int = 1024,
    cache: str | os.PathLike[str] | None = None,
) -> Evaluation:
    """Return how good a model is on a split.

    Args:
        model: The model, from `load_model`.
        artifact: The folder or the URL of an artifact with rows like those that the model was
            trained on.
        split: The name of one of its splits with labels.
        batch_size: How many rows the model takes at once.
        cache: For a URL, the folder into which files are brought; None for the user's own.

    Raises:
        ModelError: The rows mean something else than those that the model was trained on, or none
            has a label.
        ArtifactError: The artifact cannot be read.
        StorageError: The storage at the URL refused or failed.
    """
    evaluated = open_evaluated(model, artifact, split, cache=cache)
    if model.facts.target is not None:
        return evaluate_numbers(model, evaluated, batch_size=batch_size)
    return evaluate_classes(model, evaluated, batch_size=batch_size)
