"""What is shown of each kind of target, and how."""

from collections.abc import Sequence
from typing import Any, Protocol

from matplotlib.figure import Figure
from torch import Tensor

from shardmill.datasets.dataset import ShardDataset
from shardmill.training.show.shown_rows import Seen


class Display(Protocol):
    """The answers of one kind of target. The modules `show_classes` and `show_numbers` keep to it.

    Attributes:
        TRUTH: The heading of what is true of a row.
        PICTURE: The tag of the picture of all rows that `picture` returns.
    """

    TRUTH: str
    PICTURE: str

    def read(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Return the guess [n], and its probability [n] or [0], for the outputs of a model."""
        ...

    def words(self, dataset: ShardDataset, values: Tensor) -> list[str]:
        """Return what a row is in words, for true values or guesses [n]."""
        ...

    def mistakes(self, seen: Seen, most: int) -> list[int]:
        """Return the places of at most so many mistakes, the worst ones first."""
        ...

    def guesses(self, dataset: ShardDataset, seen: Seen, places: Sequence[int]) -> list[str]:
        """Return what the model said of the rows at some places, in words."""
        ...

    def picture(self, dataset: ShardDataset, seen: Seen, name: str) -> Figure:
        """Return a picture of what the model says of all rows, with a name in its title."""
        ...

    def points(self, dataset: ShardDataset, points: Tensor, truth: Tensor, title: str) -> Figure:
        """Return points [m, 3] as a picture, coloured by what is true of them."""
        ...

    def colours(self, dataset: ShardDataset, truth: Tensor) -> Any:
        """Return a colour, uint8 [m, 3], for what is true of each of m rows."""
        ...
