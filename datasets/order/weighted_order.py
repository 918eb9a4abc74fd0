"""The order of an epoch whose rows are drawn in proportion to weights."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.order.permutation import generator
from shardmill.datasets.order.row_order import CHUNK_ROWS
from shardmill.errors import DamagedFileError
from shardmill.format.read_checked import REBUILD


class Weighted:
    """As many draws as there are rows, with replacement, in proportion to weights.

    Args:
        weights: The weight of each row [rows] float. None is below 0, and one at least is above.
        seed: The seed of the draws.

    Raises:
        ValueError: A weight is below 0, or the sum of all is 0 or not finite.
    """

    access: Access = "random"

    def __init__(self, weights: Tensor, seed: int) -> None:
        weights = weights.detach().cpu().double()
        if weights.ndim != 1 or not bool((weights >= 0).all()):
            raise ValueError("weights are numbers, none below 0, in one dimension")
        self.rows: int = len(weights)
        self.chunk = CHUNK_ROWS
        self._seed = seed
        self._digest = hashlib.blake2b(weights.numpy().tobytes(), digest_size=8).hexdigest()
        self._cumulated = torch.cumsum(weights, 0)
        if self.rows and not 0 < float(self._cumulated[-1]) < float("inf"):
            raise ValueError("the sum of all weights must be above 0, and finite")

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        """Return the row numbers of a chunk of an epoch."""
        draws = min(self.chunk, self.rows - chunk * self.chunk)
        source = generator(self._seed, "draws", epoch, chunk)
        drawn = (
            torch.rand(draws, generator=source, dtype=torch.float64, device="cpu")
            * self._cumulated[-1]
        )
        # With right=True a row of weight 0, which ends where it begins, is never drawn.
        return torch.searchsorted(self._cumulated, drawn, right=True).clamp_(max=self._last())

    def _last(self) -> int:
        # Returns the last row that may be drawn: a product may be rounded up to the sum of all.
        return int(torch.searchsorted(self._cumulated, self._cumulated[-1]))

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch."""
        facts = {"order": "weighted", "rows": self.rows, "seed": self._seed}
        return facts | {"weights": self._digest}


def class_weights(targets: Tensor, classes: int, *, of: object) -> Tensor:
    """Return a weight for each of `targets` [n] int64 that makes classes equally likely.

    Raises:
        DamagedFileError: A target is none of so many classes; `of` says in what.
    """
    wrong = targets[(targets < 0) | (targets >= classes)]
    if len(wrong):
        expected = f"targets from 0 to {classes - 1}"
        raise DamagedFileError(of, expected=expected, found=str(int(wrong[0])), fix=REBUILD)
    counts = torch.bincount(targets)
    return (1.0 / counts.double())[targets]
