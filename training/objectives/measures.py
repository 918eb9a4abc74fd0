"""The numbers that say how good a model is, by what its target is. This module needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Better = Literal["min", "max"]
Task = Literal["class", "number"]


@dataclass(frozen=True, slots=True)
class Told:
    """How the line of an epoch tells a metric.

    Attributes:
        metric: The name of the metric, with its split.
        before: What stands before the number.
        after: What stands after it.
        in_unit: Whether it is in the unit of the target, and so may be of any size.
    """

    metric: str
    before: str
    after: str = ""
    in_unit: bool = False


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured beside the loss.

    Attributes:
        better: The metrics of a split, with the direction in which each gets better.
        told: What the line of an epoch tells, in order, if there is a validation split.
        losses: The names of the losses that can be trained by; the first is the default.
    """

    better: Mapping[str, Better]
    told: tuple[Told, ...]
    losses: tuple[str, ...]

    def of(self, split: str) -> tuple[str, ...]:
        """Return the names of all metrics of a split.

        Example:
            >>> MEASURES["class"].of("test")
            ('test_loss', 'test_accuracy')
        """
        return (f"{split}_loss", *(f"{split}_{name}" for name in self.better))


MEASURES: Mapping[Task, Measures] = {
    "class": Measures(
        better={"accuracy": "max"},
        told=(
            Told("train_loss", "  train loss "),
            Told("validation_loss", "  validation loss "),
            Told("validation_accuracy", " accuracy "),
        ),
        losses=("cross_entropy",),
    ),
    # "rmse_of_mean" is the RMSE of the mean of the train split as a guess for each row.
    "number": Measures(
        better={"rmse": "min", "mae": "min", "r2": "max", "rmse_of_mean": "min"},
        told=(
            Told("train_loss", "  loss "),
            Told("validation_rmse", "  RMSE ", in_unit=True),
            Told("validation_rmse_of_mean", " (mean ", ")", in_unit=True),
            Told("validation_mae", " MAE ", in_unit=True),
            Told("validation_r2", " R² "),
        ),
        losses=("squared", "huber"),
    ),
}


def better(metric: str) -> Better:
    """Return the direction in which a metric of a split gets better.

    Example:
        >>> better("validation_r2"), better("train_loss")
        ('max', 'min')
    """
    name = metric.partition("_")[2]
    found = [m.better[name] for m in MEASURES.values() if name in m.better]
    return found[0] if found else "min"


def in_any_unit(value: float) -> str:
    """Return a number of any size with four digits that count, or three if it is below 1.

    All digits before the point are there.

    Example:
        >>> in_any_unit(84.5), in_any_unit(0.12345), in_any_unit(123456.7), in_any_unit(1.2345e-7)
        ('84.50', '0.123', '123457', '1.23e-07')
    """
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:#.{4 if abs(value) >= 1 else 3}g}".rstrip(".")
