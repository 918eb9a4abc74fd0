"""The columns in which predictions are written: classes with probabilities, or numbers."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from torch import Tensor

from shardmill.training.saved.load_model import Model


class AnswerColumns(Protocol):
    """What predictions become, for one kind of target."""

    def types(self) -> dict[str, pa.DataType]:
        """Return the type of each column by its name, in order."""
        ...

    def cells(self, answers: Tensor) -> list[Sequence[Any]]:
        """Return the cells [b] of each column for what `Model.answers` gave."""
        ...


class ClassColumns:
    """`class` (the likeliest, or the first of equal ones) and `probability` (of that class).

    Args:
        classes: The names of the classes.
        all_classes: Whether there is a column `p_<class>` for each class, too.
    """

    def __init__(self, classes: Sequence[str], *, all_classes: bool = False) -> None:
        self._classes = classes
        self._all = all_classes

    def types(self) -> dict[str, pa.DataType]:
        """Return the types: a class is a string, and a probability is float32."""
        more = [f"p_{name}" for name in self._classes] if self._all else []
        own = {"class": pa.string(), "probability": pa.float32()}
        return own | dict.fromkeys(more, pa.float32())

    def cells(self, answers: Tensor) -> list[Sequence[Any]]:
        """Return the cells for probabilities [b, classes]."""
        shares = answers.numpy()
        indices = shares.argmax(1)
        best: Any = np.take_along_axis(shares, indices[:, None], 1)[:, 0]
        names = [self._classes[index] for index in indices]
        others: list[Any] = list(shares.T) if self._all else []
        return [names, best, *others]


class NumberColumn:
    """`predicted`, a number in the unit of the target."""

    def types(self) -> dict[str, pa.DataType]:
        """Return the type, float32."""
        return {"predicted": pa.float32()}

    def cells(self, answers: Tensor) -> list[Sequence[Any]]:
        """Return the cells for numbers [b]."""
        numbers: Any = answers.numpy()
        return [numbers]


def columns_of(model: Model, *, all_classes: bool = False) -> AnswerColumns:
    """Return the columns for the predictions of a model.

    Args:
        model: The model.
        all_classes: Whether each class has a column, if it is a model of classes.
    """
    if model.facts.target is not None:
        return NumberColumn()
    return ClassColumns(model.classes, all_classes=all_classes)
