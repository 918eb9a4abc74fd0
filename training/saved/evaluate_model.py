"""Evaluates a saved model on a labelled split of an artifact."""

import os

from shardmill.format.manifest import Manifest
from shardmill.training.saved.evaluate_classes import ClassEvaluation, evaluate_classes
from shardmill.training.saved.evaluate_numbers import NumberEvaluation, evaluate_numbers
from shardmill.training.saved.load_model import Model
from shardmill.training.saved.open_evaluated import open_evaluated

Evaluation = ClassEvaluation | NumberEvaluation


def default_split(artifact: str | os.PathLike[str]) -> str:
    """Return "test" if an artifact has rows with labels under that name, else "validation".

    Raises:
        ArtifactError: The artifact cannot be read.
    """
    test = Manifest.load(artifact).splits.get("test")
    return "test" if test is not None and test.labelled and test.rows else "validation"


def evaluate_model(
    model: Model, artifact: str | os.PathLike[str], split: str, *, batch_size: int = 1024
) -> Evaluation:
    """Return how good a model is on a split.

    Args:
        model: The model, from `load_model`.
        artifact: An artifact with rows like those that the model was trained on.
        split: The name of one of its splits with labels.
        batch_size: How many rows the model takes at once.

    Raises:
        ModelError: The rows mean something else than those that the model was trained on, or none
            has a label.
        ArtifactError: The artifact cannot be read.
    """
    evaluated = open_evaluated(model, artifact, split)
    if model.facts.target is not None:
        return evaluate_numbers(model, evaluated, batch_size=batch_size)
    return evaluate_classes(model, evaluated, batch_size=batch_size)
