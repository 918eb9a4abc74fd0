"""Finds the numbers in the middle of columns, in passes over the cleaned rows.

A pass counts the next bits of all numbers that may be the one that is sought. As soon as few are
left, a pass counts these themselves. This is radix selection (Alabi, Blanchard, Gordon and
Steinbach, Fast k-selection algorithms for graphics processing units, ACM Journal of Experimental
Algorithmics 17, 2012).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from shardmill.kinds.number_passes import HISTOGRAM_BITS, KEY_BITS, Found, KeyRange, Tally

# Numbers are counted one by one when so many are left, of all columns together. They take 64 MiB.
_FEW_NUMBERS = 2**22


@dataclass(frozen=True, slots=True)
class Rank:
    """A number that is sought: the one at a position among the numbers of a range.

    Attributes:
        inside: The range of keys that the number is in.
        position: Its position among the numbers of the range in ascending order, from 0.
        left: How many numbers are in the range.
    """

    inside: KeyRange
    position: int
    left: int

    def is_found(self) -> bool:
        """Say whether all bits of the number are known."""
        return self.inside.bits == KEY_BITS


@dataclass(frozen=True, slots=True)
class Search:
    """What is known so far of the numbers that are sought.

    Attributes:
        ranks: The numbers that are sought, by column.
    """

    ranks: Mapping[str, tuple[Rank, ...]]

    @classmethod
    def of(cls, rows: Mapping[str, int]) -> "Search":
        """Return a search for the two numbers in the middle of columns of so many numbers each.

        If their number is odd, both are the same.
        """
        ranks = {
            name: tuple(Rank(KeyRange(), n, count) for n in ((count - 1) // 2, count // 2))
            for name, count in rows.items()
        }
        return cls(ranks)

    def asked(self) -> tuple[frozenset[tuple[str, KeyRange]], frozenset[tuple[str, KeyRange]]]:
        """Return the ranges whose next bits to count, and those whose numbers to count."""
        open_ranks = {
            (name, rank.inside): rank.left
            for name, ranks in self.ranks.items()
            for rank in ranks
            if not rank.is_found()
        }
        most = _FEW_NUMBERS // max(len(open_ranks), 1)
        few = frozenset(key for key, left in open_ranks.items() if left <= most)
        return frozenset(open_ranks) - few, few

    def after(self, found: Found, whole: Collection[tuple[str, KeyRange]] = ()) -> "Search":
        """Return what is known after a pass.

        Args:
            found: What the pass has found of each range.
            whole: The ranges whose numbers it has counted, and not their next bits.
        """
        ranks = {
            name: tuple(
                rank
                if rank.is_found()
                else _narrowed(
                    rank, found.ranges[name, rank.inside], is_whole=(name, rank.inside) in whole
                )
                for rank in several
            )
            for name, several in self.ranks.items()
        }
        return Search(ranks)


def _narrowed(rank: Rank, tally: Tally, *, is_whole: bool) -> Rank:
    """Return what is known of a number after a tally of keys, or of their next bits."""
    values, times = tally
    ends = np.cumsum(times)
    place = int(np.searchsorted(ends, rank.position, side="right"))
    position, left = rank.position - int(ends[place] - times[place]), int(times[place])
    value = int(values[place])
    if is_whole:
        return Rank(KeyRange(KEY_BITS, value), position, left)
    bits = rank.inside.bits + HISTOGRAM_BITS
    return Rank(KeyRange(bits, rank.inside.prefix << HISTOGRAM_BITS | value), position, left)
