"""The rows that are shown of a run, and what its model predicts for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lightning import Trainer
from torch import Tensor, nn

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.even_rows import even_rows

# At most so many rows are predicted, which bounds the time that it takes. The features of fewer
# rows are drawn.
MOST_ROWS = 10_000
MOST_POINTS = 1_000
_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model predicts for rows.

    Attributes:
        numbers: The numbers of the rows in their split [n].
        truth: The true class or number of each row [n].
        guess: The likeliest class, or the predicted number, of each row [n].
        probability: The probability of that class, float32 [n]; of a number, nothing [0].
        points: The places of the rows whose features are kept, int64 [m], each below n.
        features: Their features, float32 [m, width].
    """

    numbers: list[int]
    truth: Tensor
    guess: Tensor
    probability: Tensor
    points: Tensor
    features: Tensor


def look_at_rows(
    trainer: Trainer,
    model: Baseline,
    dataset: ShardDataset,
    read: Callable[[Tensor], tuple[Tensor, Tensor]],
) -> Seen:
    """Return what a model in training predicts for the rows of a split, or for some of many.

    The model stays as it was: nothing is drawn at random, and no statistics of batches change.

    Args:
        trainer: The trainer, which knows the device and the precision.
        model: The model in any mode.
        dataset: The split, with labels.
        read: Returns the guess and its probability for the outputs of the model.
    """
    numbers = even_rows(len(dataset), MOST_ROWS)
    points = even_rows(len(numbers), MOST_POINTS)
    parts: list[tuple[Tensor, ...]] = []
    with as_it_was(model), torch.no_grad(), trainer.precision_plugin.forward_context():
        for first in range(0, len(numbers), _BATCH):
            rows = numbers[first : first + _BATCH]
            x, y = dataset[rows]
            features = model.backbone(to_device(trainer, x))
            # The model itself may be compiled for other sizes.
            guess, probability = read(model.head(features).float())
            kept = [point - first for point in points if first <= point < first + len(rows)]
            parts.append((y, guess, probability, features[kept].float()))
    joined = (torch.cat([t.cpu() for t in p]) for p in zip(*parts, strict=True))
    truth, guess, probability, features = joined
    return Seen(numbers, truth, guess, probability, torch.tensor(points), features)


def to_device(trainer: Trainer, x: Any) -> Any:
    """Return the `x` of a batch on the device of the model, in the precision that it takes."""
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

    They are computed by singular values, which draws nothing at random. The sign of a component is
    such that its greatest coordinate is positive. Components that do not exist are 0.
    """
    centred = torch.nan_to_num(features.double())
    centred = centred - centred.mean(0)
    left, sizes, _ = torch.linalg.svd(centred, full_matrices=False)
    found = (left * sizes)[:, :count]
    greatest = found.gather(0, found.abs().argmax(0, keepdim=True))
    found = found * torch.where(greatest < 0, -1.0, 1.0)
    return nn.functional.pad(found, (0, count - found.shape[1])).float()
