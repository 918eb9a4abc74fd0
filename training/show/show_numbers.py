"""Shows what a model makes of numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.objectives.find_task import target_name
from shardmill.training.show.draw_residuals import residuals_figure
from shardmill.training.show.draw_rows import scale_figure
from shardmill.training.show.shown_rows import Seen

TRUTH = "number"
PICTURE = "residuals"


def read(output: Tensor) -> tuple[Tensor, Tensor]:
    """Return numbers [n] as they are, and nothing [0] for their probability."""
    return output, output[:0]


def words(dataset: ShardDataset, values: Tensor) -> list[str]:  # noqa: ARG001
    """Return numbers [n] with six digits at most."""
    return [f"{value:.6g}" for value in values.tolist()]


def mistakes(seen: Seen, most: int) -> list[int]:
    """Return the places of the rows with the largest errors, at most so many."""
    errors = (seen.truth - seen.guess).abs()
    places: list[int] = errors.argsort(descending=True, stable=True)[:most].tolist()
    return places


def guesses(dataset: ShardDataset, seen: Seen, places: Sequence[int]) -> list[str]:
    """Return the predicted numbers."""
    return words(dataset, seen.guess[list(places)])


def picture(dataset: ShardDataset, seen: Seen, name: str) -> Figure:
    """Return the residuals over the predicted numbers."""
    title = f"{name}: {len(seen.numbers):,} rows"
    target = target_name(dataset.manifest.recipe)
    return residuals_figure(seen.guess.tolist(), seen.truth.tolist(), target, title)


def points(dataset: ShardDataset, points: Tensor, truth: Tensor, title: str) -> Figure:
    """Return points [m, 3] coloured by their numbers [m], with a scale of colours."""
    return scale_figure(points, truth, target_name(dataset.manifest.recipe), title)


def colours(dataset: ShardDataset, truth: Tensor) -> Any:  # noqa: ARG001
    """Return colours from the least number of [m] to the greatest."""
    values = truth.double().numpy()
    low, high = values.min(), values.max()
    shares = colormaps["viridis"]((values - low) / ((high - low) or 1.0))
    return np.round(shares[:, :3] * 255).astype(np.uint8)
