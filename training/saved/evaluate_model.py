"""Evaluates a saved model on a labelled split of an artifact."""

import os
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.open_artifact import open as open_split
from shardmill.errors import ModelError
from shardmill.format.manifest import Manifest
from shardmill.serve.preprocessor import Preprocessor
from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.models.agreement import first_difference, input_terms
from shardmill.training.saved.load_model import Model


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well one class was told from the others. A score is 0.0 if it would divide by zero."""

    name: str
    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model got right.

    Attributes:
        model: The folder of the model.
        artifact: The folder of the artifact.
        split: The name of the split.
        sample: Whether its rows were generated.
        rows: How many rows it has.
        accuracy: The share of rows whose likeliest class is the true one.
        classes: The scores of each class.
        confusion: How many rows there are by [true class][predicted class].
    """

    model: str
    artifact: str
    split: str
    sample: bool
    rows: int
    accuracy: float
    classes: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON."""
        return asdict(self)


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
    """Return what a model gets right in a split.

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
    manifest = Manifest.load(artifact)
    preprocessor = Preprocessor.load(artifact, manifest=manifest)
    # The kind is checked first, since another kind has other options.
    _check_kind(model, artifact, preprocessor)
    options = find_modality(model.facts.kind).open_options(manifest)
    dataset = open_split(artifact, split, manifest=manifest, **options)
    _check_fits(model, dataset, preprocessor)
    count = len(model.classes)
    each: dict[str, Any] = {"num_classes": count, "average": "none"}
    metrics = MetricCollection(
        {
            "confusion": MulticlassConfusionMatrix(count),
            "f1": MulticlassF1Score(**each),
            "precision": MulticlassPrecision(**each),
            "recall": MulticlassRecall(**each),
        },
        compute_groups=False,
    )
    for x, y in dataset.loader(batch_size):
        metrics.update(model.logits(x), y)
    found = {name: value.tolist() for name, value in metrics.compute().items()}
    table = torch.tensor(found["confusion"])
    columns = (found[name] for name in ("precision", "recall", "f1"))
    scores = zip(model.classes, *columns, table.sum(1).tolist(), strict=True)
    return Evaluation(
        model=str(model.folder),
        artifact=str(artifact),
        split=split,
        sample=dataset.sample,
        rows=len(dataset),
        accuracy=int(table.trace()) / len(dataset),
        classes=tuple(ClassScores(*of_class) for of_class in scores),
        confusion=tuple(tuple(row) for row in found["confusion"]),
    )


def _check_kind(model: Model, artifact: object, preprocessor: Preprocessor) -> None:
    if preprocessor.recipe.kind != model.facts.kind:
        expected = f"an artifact of kind {model.facts.kind}, as {model.folder} was trained on"
        raise _misfit(artifact, expected, f"one of kind {preprocessor.recipe.kind}")


def _check_fits(model: Model, dataset: ShardDataset, preprocessor: Preprocessor) -> None:
    if not dataset.labelled or not len(dataset):
        where = f"{dataset.path}, split {dataset.split}"
        raise _misfit(where, "rows with labels", f"{len(dataset):,} without a target")
    ours = {"classes": list(model.classes), **input_terms(model.preprocessor)}
    theirs = {"classes": list(dataset.classes or ()), **input_terms(preprocessor)}
    if different := first_difference(ours, theirs):
        expected, found = different
        raise _misfit(dataset.path, f"{expected}, as {model.folder} was trained on", found)


def _misfit(where: object, expected: str, found: str) -> ModelError:
    fix = "name an artifact that the same recipe made, or train a model on this one"
    return ModelError(where, expected=expected, found=found, fix=fix)
