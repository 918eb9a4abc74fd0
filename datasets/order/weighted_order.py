"""The order of an epoch whose rows are drawn in proportion to weights."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.order.permutation import generator
from shardmill.datasets.order.row_order import CHUNK_ROWS
from shardmill.errors import DamagedFileError
from shardmill.format.read_checked import REBUILD

# One sum is held for so many rows: an eighth of a byte a row. A draw adds up the weights of one
# block, which takes as long as to find the block among 10^8 / 64.
BLOCK_ROWS = 64
PIECE_BLOCKS = 4_096  # so many blocks are added up at a time: 2 MiB of numbers


@dataclass(frozen=True, slots=True)
class ClassWeights:
    """A weight for each row that depends on its class alone.

    Attributes:
        classes: The class of each row [rows], of any integer dtype.
        weights: The weight of each class [c] float64.
    """

    classes: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.classes)


class Weighted:
    """As many draws as there are rows, with replacement, in proportion to weights.

    A draw is a random number below the sum of all weights. It finds the row at which the sum of
    the weights up to it, added up in float64 from the first row on, exceeds the number. Of these
    sums only each 64th is held. The others are added up again, in the same order, so they are
    the same to the last bit.

    The weights are not copied. Whoever changes them changes the order, which is then refused.

    Args:
        weights: The weight of each row [rows]. None is below 0, and one at least is above.
        seed: The seed of the draws.

    Raises:
        ValueError: A weight is below 0, or the sum of all is 0 or not finite.
    """

    access: Access = "random"

    def __init__(self, weights: Tensor | ClassWeights, seed: int) -> None:
        self.rows: int = len(weights)
        self.chunk = CHUNK_ROWS
        self._seed = seed
        self._of_class = weights.weights.double() if isinstance(weights, ClassWeights) else None
        numbers = weights.classes if isinstance(weights, ClassWeights) else weights
        if numbers.ndim != 1:
            raise ValueError("weights are numbers, none below 0, in one dimension")
        self._numbers = numbers.detach().cpu().contiguous()
        blocks = -(-self.rows // BLOCK_ROWS)
        self._sums = np.zeros(blocks + 1)  # of all rows before each block, and of all
        self._last = 0  # the last row that may be drawn
        digest = hashlib.blake2b(digest_size=8)
        for first, found in self._pieces(blocks):
            if not (found >= 0).all():
                raise ValueError("weights are numbers, none below 0, in one dimension")
            digest.update(found.reshape(-1)[: self.rows - first * BLOCK_ROWS].tobytes())
            self._add(first, found)
        self._digest = digest.hexdigest()
        if self.rows and not 0 < self._sums[-1] < float("inf"):
            raise ValueError("the sum of all weights must be above 0, and finite")

    def _pieces(self, blocks: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
        # Yields the number of a block, and the weights of it and of the next ones.
        for first in range(0, blocks, PIECE_BLOCKS):
            yield first, self._weights(np.arange(first, min(first + PIECE_BLOCKS, blocks)))

    def _add(self, first: int, weights: npt.NDArray[np.float64]) -> None:
        # Writes the sums after each block of `weights` [b, BLOCK_ROWS].
        flat = weights.reshape(-1)
        before = self._sums[first]
        flat[0] += before
        sums = np.cumsum(flat)
        self._sums[first + 1 : first + 1 + len(weights)] = sums[BLOCK_ROWS - 1 :: BLOCK_ROWS]
        if sums[-1] > before:
            self._last = first * BLOCK_ROWS + int(np.searchsorted(sums, sums[-1]))

    def _weights(self, blocks: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        # Returns the weights [b, BLOCK_ROWS] of blocks [b]. Those past the last row are 0.
        full = self.rows // BLOCK_ROWS
        table = self._numbers[: full * BLOCK_ROWS].view(full, BLOCK_ROWS)
        found = np.zeros((len(blocks), BLOCK_ROWS))
        whole = blocks < full
        found[whole] = self._floats(table.index_select(0, torch.from_numpy(blocks[whole])))
        found[~whole, : self.rows % BLOCK_ROWS] = self._floats(self._numbers[full * BLOCK_ROWS :])
        return found

    def _floats(self, numbers: Tensor) -> npt.NDArray[np.float64]:
        if self._of_class is None:
            return numbers.double().numpy()
        return self._of_class.numpy().take(numbers.numpy())

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        """Return the row numbers of a chunk of an epoch.

        Raises:
            ValueError: The weights have been changed.
        """
        draws = min(self.chunk, self.rows - chunk * self.chunk)
        source = generator(self._seed, "draws", epoch, chunk)
        drawn = torch.rand(draws, generator=source, dtype=torch.float64, device="cpu").numpy()
        drawn = drawn * self._sums[-1]
        # With side="right" a row of weight 0, whose sum is that of the row before, is never drawn.
        blocks = np.searchsorted(self._sums[1:-1], drawn, side="right")
        rows = np.concatenate(
            [
                self._rows(drawn[at : at + PIECE_BLOCKS], blocks[at : at + PIECE_BLOCKS])
                for at in range(0, draws, PIECE_BLOCKS)
            ]
        )
        # A product may be rounded up to the sum of all.
        return torch.from_numpy(np.minimum(rows, self._last))

    def _rows(
        self, drawn: npt.NDArray[np.float64], blocks: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        weights = self._weights(blocks)
        weights[:, 0] += self._sums[blocks]
        sums = np.cumsum(weights, 1)
        if not np.array_equal(sums[:, -1], self._sums[blocks + 1]):
            raise ValueError(
                "the weights have been changed since the loader was made; give it a copy of them"
            )
        rows: npt.NDArray[np.int64] = np.count_nonzero(sums <= drawn[:, None], 1)
        return blocks * BLOCK_ROWS + rows

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch."""
        facts = {"order": "weighted", "rows": self.rows, "seed": self._seed}
        return facts | {"weights": self._digest}


def class_weights(
    targets: Callable[[int, int], Tensor], rows: int, *, classes: int, of: object
) -> ClassWeights:
    """Return a weight for each row that makes classes equally likely.

    Args:
        targets: A function that returns the targets [b] int64 of rows [start, stop).
        rows: How many rows there are.
        classes: How many classes there are.
        of: Whose targets these are, for the error.

    Raises:
        DamagedFileError: A target is none of so many classes.
    """
    narrow = torch.uint8 if classes <= 2**8 else torch.int32
    held = torch.empty(rows, dtype=narrow, device="cpu")
    counts = torch.zeros(classes, dtype=torch.int64, device="cpu")
    for start in range(0, rows, BLOCK_ROWS * PIECE_BLOCKS):
        stop = min(start + BLOCK_ROWS * PIECE_BLOCKS, rows)
        found = targets(start, stop)
        wrong = found[(found < 0) | (found >= classes)]
        if len(wrong):
            expected = f"targets from 0 to {classes - 1}"
            raise DamagedFileError(of, expected=expected, found=str(int(wrong[0])), fix=REBUILD)
        held[start:stop] = found
        counts += torch.bincount(found, minlength=classes)
    return ClassWeights(held, 1.0 / counts.double())
