"""The targets that a recipe names."""

from typing import Self

from pydantic import model_validator

from shardmill.recipe.names import Names
from shardmill.strict import Strict


def _check_trimmed(classes: tuple[str, ...]) -> None:
    for name in classes:
        if name != name.strip():
            raise ValueError(f"classes: {name!r} has white space around it, which no label has")


class Target(Strict):
    """The classes that a model learns to tell apart.

    Attributes:
        classes: The names of the classes, in the order of their indices.
        first: The number that stands for the first class in the raw file; None if the raw file
            holds the names.
    """

    classes: Names
    first: int | None = None

    def labels(self) -> tuple[str, ...]:
        """Return how the raw files write each class: its number, or its name."""
        if self.first is None:
            return self.classes
        return tuple(str(self.first + index) for index in range(len(self.classes)))

    @model_validator(mode="after")
    def _labels_are_trimmed(self) -> Self:
        _check_trimmed(self.classes if self.first is None else ())
        return self


class ColumnTarget(Target):
    """A target that is a column of a CSV file.

    Attributes:
        column: The name of the column.
    """

    column: str


class TableTarget(Strict):
    """A target of a table: a class if classes are given, otherwise a number, float32.

    Attributes:
        classes: The names of the classes; see `Target`.
        first: The number that stands for the first class; see `Target`.
    """

    classes: Names | None = None
    first: int | None = None

    @model_validator(mode="after")
    def _labels_are_trimmed(self) -> Self:
        _check_trimmed(self.classes or () if self.first is None else ())
        return self


class TableColumnTarget(TableTarget):
    """The only target of a table.

    Attributes:
        column: The name of its column.
    """

    column: str


class ImageTarget(Target):
    """A target that is an IDX file of labels."""

    first: int = 0
