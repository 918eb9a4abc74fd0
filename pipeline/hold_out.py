"""Draws rows for a hold-out while they stream past, without knowing how many there will be."""

import numpy as np
import numpy.typing as npt

from shardmill.recipe import HoldOut


class HoldOutDraw:
    """Decides for each row, in order, whether it is held out.

    Permuted blocks (Zelen 1974, as clinical trials assign treatments): of every `d` rows of a
    class in a row, `n` are held out, at random places, for a fraction n/d. So each class gives up
    its share within `n` rows, whatever the length of the file, and the draw depends on the seed
    and on the order of the labels, not on how the rows come in batches.
    """

    def __init__(self, hold_out: HoldOut) -> None:
        ratio = hold_out.ratio()
        self._block = np.arange(ratio.denominator) < ratio.numerator  # [d] bool
        self._hold_out = hold_out
        self._streams: dict[int, tuple[np.random.Generator, npt.NDArray[np.bool_]]] = {}

    def draw(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of the next rows [n] are held out; `labels` [n] are their classes."""
        held_out = np.zeros(len(labels), bool)
        classes = labels if self._hold_out.stratify else np.zeros_like(labels)
        for label in np.unique(classes).tolist():
            rows = np.flatnonzero(classes == label)
            held_out[rows] = self._next(label, len(rows))
        return held_out

    def _next(self, label: int, n: int) -> npt.NDArray[np.bool_]:
        generator, drawn = self._streams.get(
            label, (np.random.default_rng([self._hold_out.seed, label]), self._block[:0])
        )
        blocks = -(-max(n - len(drawn), 0) // len(self._block))
        fresh = generator.permuted(np.tile(self._block, (blocks, 1)), axis=1).reshape(-1)
        drawn = np.concatenate([drawn, fresh])
        self._streams[label] = generator, drawn[n:]
        return drawn[:n]
