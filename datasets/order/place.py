"""Where an iteration over an epoch is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch begins: the epoch, and the row in its order, counted over all ranks.

    In an epoch that is dealt out, `shares` says how many shares it has. Without it, there are as
    many as nodes.
    """

    epoch: int
    row: int
    shares: int | None = None


@dataclass(slots=True)
class Progress:
    """Where an iteration began, and how many batches it gave since."""

    begin: Place
    batches: int = 0
