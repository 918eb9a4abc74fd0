"""Draws rows for a hold-out while they stream past, without knowing how many will come."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from shardmill.format.arrow_arrays import numpy_array
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import HoldOut


def hold_out_draws(
    recipe: AnyRecipe, split: str, part: int = 0
) -> dict[str, "HoldOutDraw | GroupDraw"]:
    """Return the draws of all splits that are drawn from a split, by name, in their order.

    Each draw sees the rows that the draw before it left. Each part of the split's files has draws
    of its own, so that parts do not wait for each other.

    Args:
        recipe: The recipe of the dataset.
        split: The split that gives rows up.
        part: The number of the part, from 0.
    """
    draws: dict[str, HoldOutDraw | GroupDraw] = {}
    taken = Fraction(0)
    for name, other in recipe.splits.items():
        # The last rows are known only when all rows are cleaned, see `hold_out_last`.
        if other.hold_out is not None and other.hold_out_of(split) and not other.hold_out.last:
            if other.hold_out.group is None:
                draws[name] = HoldOutDraw(other.hold_out, taken, part)
            else:
                draws[name] = GroupDraw(other.hold_out, taken, name)
            taken += other.hold_out.ratio()
    return draws


class GroupDraw:
    """Decides for each row by its group whether it is held out.

    A group is held out if the XXH3 of its text is below the share of all hashes. So the decision
    needs neither other rows nor other parts, and a group that grows stays where it is.

    Args:
        hold_out: The share of the groups to hold out, and the seed.
        taken: The share that other hold-outs of the same split have taken already.
        name: The split that the rows are held out for. Each has draws of its own.
    """

    def __init__(self, hold_out: HoldOut, taken: Fraction, name: str) -> None:
        self._limit = int(hold_out.ratio() / (1 - taken) * 2**64)
        self._prefix = f"{hold_out.seed}\0{name}\0".encode()

    def draw(self, groups: pa.Array) -> npt.NDArray[np.bool_]:
        """Return which of the rows are held out, bool [n], by their groups, string [n]."""
        found = groups.dictionary_encode()
        held_out = [self._holds_out(text) for text in found.dictionary.to_pylist()]
        return np.array(held_out, np.bool_)[numpy_array(found.indices)]

    def _holds_out(self, group: str) -> bool:
        return xxhash.xxh3_64_intdigest(self._prefix + group.encode()) < self._limit


class HoldOutDraw:
    """Decides for each row, in order, whether it is held out.

    The method is that of permuted blocks, as clinical trials assign treatments (Zelen, "The
    randomization and stratification of patients to clinical trials", 1974). For a fraction n/d, of
    every `d` rows of a class that follow one another in a part, `n` are held out, at random places.
    So each class gives up its share of each part to within `n` rows, however long the part is. The
    draw depends on the seed, on the number of the part and on the order of the labels in it. It
    does not depend on how the rows come in batches.

    Args:
        hold_out: The share of the rows to hold out, and the seed.
        taken: The share that other hold-outs of the same split have taken already.
        part: The number of the part that the rows belong to, from 0.
    """

    def __init__(self, hold_out: HoldOut, taken: Fraction = Fraction(0), part: int = 0) -> None:
        self._part = part
        ratio = hold_out.ratio() / (1 - taken)
        self._block = np.arange(ratio.denominator) < ratio.numerator  # [d] bool
        self._hold_out = hold_out
        self._streams: dict[int, tuple[np.random.Generator, npt.NDArray[np.bool_]]] = {}

    def draw(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of the next rows are held out, bool [n].

        Args:
            labels: The class indices of the rows, int64 [n].
        """
        held_out = np.zeros(len(labels), bool)
        classes = labels if self._hold_out.stratify else np.zeros_like(labels)
        # The same as numpy.unique, which would import all of numpy.ma.
        ordered = np.sort(classes)
        for label in ordered[np.diff(ordered, prepend=ordered[:1] - 1) > 0].tolist():
            rows = np.flatnonzero(classes == label)
            held_out[rows] = self._next(label, len(rows))
        return held_out

    def _next(self, label: int, n: int) -> npt.NDArray[np.bool_]:
        generator, drawn = self._streams.get(
            label,
            (np.random.default_rng([self._hold_out.seed, label, self._part]), self._block[:0]),
        )
        blocks = -(-max(n - len(drawn), 0) // len(self._block))
        fresh = generator.permuted(np.tile(self._block, (blocks, 1)), axis=1).reshape(-1)
        drawn = np.concatenate([drawn, fresh])
        self._streams[label] = generator, drawn[n:]
        return drawn[:n]
