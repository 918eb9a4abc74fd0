"""The rows that a run is looked at by, and what its model makes of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lightning import Trainer
from torch import Tensor, nn

from shardmill import ShardDataset
from shardmill.training.models.baseline import Baseline

# At most so many rows are looked at, which bounds what it costs; features of fewer are drawn.
MOST_ROWS = 10_000
MOST_POINTS = 1_000
_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model makes of rows.

    Attributes:
        numbers: [n], of the rows in their split.
        truth: int64 [n], class indices.
        guess: int64 [n], the likeliest classes.
        probability: float32 [n], of the guesses.
        points: int64 [m], places among the n rows of those whose features are kept.
        features: float32 [m, width].
    """

    numbers: list[int]
    truth: Tensor
    guess: Tensor
    probability: Tensor
    points: Tensor
    features: Tensor

    def accuracy(self) -> float:
        """Return the share of right guesses."""
        return float((self.truth == self.guess).float().mean())

    def confusion(self, classes: int) -> list[list[int]]:
        """Return numbers of rows by [true class][guess]."""
        flat = torch.bincount(self.truth * classes + self.guess, minlength=classes**2)
        table: list[list[int]] = flat.view(classes, classes).tolist()
        return table

    def mistakes(self, most: int) -> list[int]:
        """Return the places of at most so many wrong guesses, the surest ones first."""
        wrong = (self.truth != self.guess).nonzero()[:, 0]
        order = self.probability[wrong].argsort(descending=True, stable=True)
        places: list[int] = wrong[order[:most]].tolist()
        return places


def even_rows(count: int, most: int) -> list[int]:
    """Return the numbers of all of `count` rows, or of `most`, evenly spread."""
    most = min(count, most)
    return [index * count // most for index in range(most)]


def look_at_rows(trainer: Trainer, model: Baseline, dataset: ShardDataset) -> Seen:
    """Return what a model in training makes of a split's rows, or of evenly spread ones of many.

    The model is left as it was: nothing is drawn at random, and no statistics of batches change.

    Args:
        trainer: that knows device and precision.
        model: of any mode.
        dataset: with labels.
    """
    numbers = even_rows(len(dataset), MOST_ROWS)
    points = even_rows(len(numbers), MOST_POINTS)
    parts: list[tuple[Tensor, ...]] = []
    with as_it_was(model), torch.no_grad(), trainer.precision_plugin.forward_context():
        for first in range(0, len(numbers), _BATCH):
            rows = numbers[first : first + _BATCH]
            x, y = dataset[rows]
            features = model.backbone(to_device(trainer, x))
            # Not by the model, which may be compiled for other sizes.
            best = model.head(features).float().softmax(1).max(1)
            kept = [point - first for point in points if first <= point < first + len(rows)]
            parts.append((y, best.indices, best.values, features[kept].float()))
    joined = (torch.cat([t.cpu() for t in p]) for p in zip(*parts, strict=True))
    truth, guess, probability, features = joined
    return Seen(numbers, truth, guess, probability, torch.tensor(points), features)


def to_device(trainer: Trainer, x: Any) -> Any:
    """Return the `x` of a batch where the model is, in the precision that it takes."""
    return trainer.precision_plugin.convert_input(trainer.strategy.batch_to_device(x))


@contextmanager
def as_it_was(model: nn.Module) -> Iterator[None]:
    """Put a model into eval mode, and each of its modules back into its own mode afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def principal_components(features: Tensor, count: int) -> Tensor:
    """Return features [n, width] in their first principal components, float32 [n, count].

    By singular values, which draws nothing at random. Each component points to where the greatest
    of its coordinates is positive; those that there are not are 0.
    """
    centred = torch.nan_to_num(features.double())
    centred = centred - centred.mean(0)
    left, sizes, _ = torch.linalg.svd(centred, full_matrices=False)
    found = (left * sizes)[:, :count]
    greatest = found.gather(0, found.abs().argmax(0, keepdim=True))
    found = found * torch.where(greatest < 0, -1.0, 1.0)
    return nn.functional.pad(found, (0, count - found.shape[1])).float()


def class_names(dataset: ShardDataset, indices: Sequence[int]) -> list[str]:
    """Return the names of classes."""
    return [(dataset.classes or ())[index] for index in indices]
