"""Shows what a model makes of classes."""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.show.draw_confusion import confusion_figure
from shardmill.training.show.draw_rows import class_colours, points_figure
from shardmill.training.show.shown_rows import Seen

TRUTH = "class"
PICTURE = "confusion"


def read(output: Tensor) -> tuple[Tensor, Tensor]:
    """Return the likeliest class [n] and its probability [n] for logits [n, classes]."""
    best = output.softmax(1).max(1)
    return best.indices, best.values


def words(dataset: ShardDataset, values: Tensor) -> list[str]:
    """Return the names of classes [n]."""
    return [_names(dataset)[index] for index in values.tolist()]


def mistakes(seen: Seen, most: int) -> list[int]:
    """Return the places of at most so many wrong predictions, the most certain ones first."""
    wrong = (seen.truth != seen.guess).nonzero()[:, 0]
    order = seen.probability[wrong].argsort(descending=True, stable=True)
    places: list[int] = wrong[order[:most]].tolist()
    return places


def guesses(dataset: ShardDataset, seen: Seen, places: Sequence[int]) -> list[str]:
    """Return the predicted classes with their probabilities."""
    chosen = list(places)
    said = zip(words(dataset, seen.guess[chosen]), seen.probability[chosen].tolist(), strict=True)
    return [f"{name} ({share:.0%})" for name, share in said]


def picture(dataset: ShardDataset, seen: Seen, name: str) -> Figure:
    """Return the confusion matrix."""
    names = _names(dataset)
    flat = torch.bincount(seen.truth * len(names) + seen.guess, minlength=len(names) ** 2)
    right = float((seen.truth == seen.guess).float().mean())
    title = f"{name}: {right:.4f} of {len(seen.numbers):,} rows"
    return confusion_figure(flat.view(len(names), len(names)).tolist(), names, title)


def points(dataset: ShardDataset, points: Tensor, truth: Tensor, title: str) -> Figure:
    """Return points [m, 3] in the colours of their classes [m], with a legend."""
    return points_figure(points, truth, _names(dataset), title)


def colours(dataset: ShardDataset, truth: Tensor) -> Any:
    """Return the colours of classes [m]."""
    return class_colours(len(_names(dataset)))[truth]


def _names(dataset: ShardDataset) -> tuple[str, ...]:
    return dataset.classes or ()
