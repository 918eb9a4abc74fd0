"""The order of an epoch that is mixed from several datasets."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.order.permutation import Permutation
from shardmill.datasets.order.row_order import CHUNK_ROWS


class Mixed:
    """Draws in given proportions from several datasets whose rows follow one another.

    Every epoch draws from each dataset in exact proportion, mixed at random. Each dataset has a
    random order of its own. An epoch goes on in it where the epoch before stopped, and begins it
    again after its end, so no row of a dataset is drawn more than once oftener than another.

    Args:
        sizes: How many rows each dataset has.
        weights: The weight of each dataset, above 0.
        rows: How many rows an epoch draws.
        key: The key of every random choice.

    Raises:
        ValueError: A dataset would get none of an epoch's draws.
    """

    access: Access = "random"

    def __init__(
        self, sizes: Sequence[int], weights: Sequence[float], *, rows: int, key: tuple[int, ...]
    ) -> None:
        self.rows = rows
        self.chunk = CHUNK_ROWS
        self._sizes = sizes
        self._key = key
        self._shares = shares(weights, rows)
        if rows and 0 in self._shares:
            at = self._shares.index(0)
            raise ValueError(
                f"dataset {at} of weight {weights[at]} gets none of an epoch's {rows:,} draws; "
                "give it more weight, or the epoch more rows"
            )
        self._orders = [Permutation(size, *key, "of", at) for at, size in enumerate(sizes)]
        self._held: tuple[int, Permutation] | None = None

    def _mixture(self, epoch: int) -> Permutation:
        if self._held is None or self._held[0] != epoch:
            self._held = (epoch, Permutation(self.rows, *self._key, "mixture", epoch))
        return self._held[1]

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        """Return the row numbers of a chunk of an epoch."""
        start = chunk * self.chunk
        draws = self._mixture(epoch).between(start, min(start + self.chunk, self.rows))
        rows = torch.empty_like(draws)
        first_draw = first_row = 0
        for size, share, order in zip(self._sizes, self._shares, self._orders, strict=True):
            mine = (draws >= first_draw) & (draws < first_draw + share)
            places = draws[mine] - first_draw + epoch * share
            rows[mine] = order.at(places % size) + first_row
            first_draw += share
            first_row += size
        return rows

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch."""
        return {
            "order": "mixed",
            "rows": self.rows,
            "seed": list(self._key),
            "shares": self._shares,
        }


def shares(weights: Sequence[float], rows: int) -> list[int]:
    """Divide `rows` in proportion to `weights`, exactly, by largest remainder (Hamilton's method).

    Example: shares([1, 1, 1], 10) is [4, 3, 3].
    """
    total = sum(map(Fraction, weights))
    exact = [Fraction(weight) * rows / total for weight in weights]
    whole = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda at: (whole[at] - exact[at], at))
    for at in by_remainder[: rows - sum(whole)]:
        whole[at] += 1
    return whole
