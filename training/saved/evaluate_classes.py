"""Says how well a model tells classes apart."""

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

from shardmill.training.saved.load_model import Model
from shardmill.training.saved.open_evaluated import Evaluated


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well one class was told from the others. A score is 0.0 if it would divide by zero."""

    name: str
    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True, slots=True)
class ClassEvaluation:
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


def evaluate_classes(model: Model, evaluated: Evaluated, *, batch_size: int) -> ClassEvaluation:
    """Return what a model gets right in a split.

    Args:
        model: A model of classes.
        evaluated: The rows with their labels.
        batch_size: How many rows the model takes at once.
    """
    count, dataset = len(model.classes), evaluated.dataset
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
    return ClassEvaluation(
        **evaluated.facts(),
        accuracy=int(table.trace()) / len(dataset),
        classes=tuple(ClassScores(*of_class) for of_class in scores),
        confusion=tuple(tuple(row) for row in found["confusion"]),
    )
