"""The order of an epoch in which each node reads its own share of the shards.

Each epoch, the shards are put round a circle in a random order, and each node gets an arc of it as
its share. So a node touches its part of the shards, and at most two more. The shares take turns:
place p of an epoch of n shares is place p // n of share p % n.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.order.permutation import Permutation, derived_key
from shardmill.datasets.order.row_order import WINDOW_BLOCKS, Bucketed, Places, RowOrder, mixed_rows

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dealt:
    """An order that is dealt out among nodes.

    Attributes:
        share: A function that returns the order of share i of n. Their rows differ by one at most,
            and the first ones have more.
        nodes: How many nodes there are; None for as many as the launcher says.
    """

    share: Callable[[int, int], RowOrder]
    nodes: int | None = None

    @property
    def rows(self) -> int:
        """How many rows an epoch has."""
        return self.share(0, 1).rows

    @property
    def access(self) -> Access:
        """How the order goes through the files."""
        return self.share(0, 1).access

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch and the number of shares."""
        return self.share(0, 1).facts()


def bucketed_shares(
    order: Dealt, lengths: Callable[[Tensor], Tensor], *, bucket_rows: int, seed: int
) -> Dealt:
    """Return the order with rows of similar length together in each share; see `Bucketed`.

    The buckets of all shares come in the same random order, so nodes have similar lengths in a
    step.
    """
    bucketed = partial(Bucketed, lengths=lengths, bucket_rows=bucket_rows, seed=seed)
    return replace(order, share=partial(_changed, order.share, bucketed))


def _changed(
    share: Callable[[int, int], RowOrder],
    change: Callable[[RowOrder], RowOrder],
    node: int,
    nodes: int,
) -> RowOrder:
    return change(share(node, nodes))


class Shares:
    """The row numbers at the places of an epoch whose shares take turns."""

    def __init__(self, orders: Sequence[RowOrder]) -> None:
        self._places = [Places(order) for order in orders]

    def every(self, epoch: int, first: int, *, step: int, count: int) -> Tensor:
        """Return the row numbers at `count` places, from `first` on each `step`-th, [count] int64.

        There is one place at least. Only shares with such a place are asked for rows.
        """
        shares = len(self._places)
        turns = shares // gcd(shares, step)  # so many places later, the same share has its turn
        if turns == 1:
            return self._of_one(epoch, first, step=step, count=count)
        rows = np.empty(count, np.int64)
        for turn in range(min(turns, count)):
            mine = rows[turn::turns]
            mine[:] = self._of_one(
                epoch, first + turn * step, step=turns * step, count=len(mine)
            ).numpy()
        return torch.from_numpy(rows)

    def _of_one(self, epoch: int, first: int, *, step: int, count: int) -> Tensor:
        place, share = divmod(first, len(self._places))
        stride = step // len(self._places)
        last = place + (count - 1) * stride
        return self._places[share].between(epoch, place, last + 1)[::stride]


class Circle:
    """The shards of a split in the order of an epoch, round a circle of rows."""

    def __init__(self, starts: Rows, rows: int, *, seed: int, epoch: int, at_shard: bool) -> None:
        dealt = Permutation(len(starts), seed, "shards", epoch).between(0, len(starts)).numpy()
        self.rows = rows
        self._stops = np.append(starts, rows)[dealt + 1]  # of each shard, in the split
        self._ends = np.cumsum(self._stops - starts[dealt])  # and on the circle
        # Shares begin at another row in each epoch, so that other rows meet in blocks.
        first = 0 if at_shard else derived_key(seed, "first row", epoch)
        self._first = first % max(rows, 1)

    def ends(self, start: int, stop: int) -> Rows:
        """Return the places in (start, stop) at which another shard begins, ascending."""
        twice = np.concatenate([self._ends, self._ends + self.rows]) - self._first
        return twice[(twice > start) & (twice < stop)]

    def pieces(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the rows [first, last) of the split that make up places [start, stop)."""
        while start < stop:
            place = (start + self._first) % self.rows
            shard = int(np.searchsorted(self._ends, place, side="right"))
            left = int(self._ends[shard]) - place
            count = min(left, stop - start)
            first = int(self._stops[shard]) - left
            yield first, first + count
            start += count


class NodeBlocks:
    """What the shares of a split have in common: its shards, and the circle of the epoch.

    Args:
        starts: The first row of each shard [s] int64, ascending from 0.
        rows: How many rows there are.
        seed: The seed of the order.
        block_rows: How many neighbours are read together.
        will_need: A function that is told of rows [start, stop) some time before they are read.
        at_shard: Whether the circle is cut between two shards, rather than at any row.
    """

    def __init__(
        self,
        starts: Rows,
        rows: int,
        *,
        seed: int,
        block_rows: int,
        will_need: Callable[[int, int], None],
        at_shard: bool = False,
    ) -> None:
        self.starts = starts
        self.rows = rows
        self.seed = seed
        self.block_rows = block_rows
        self.will_need = will_need
        self.at_shard = at_shard
        self._held: tuple[int, Circle] | None = None

    def circle(self, epoch: int) -> Circle:
        """Return the circle of an epoch. The last one is kept."""
        if self._held is None or self._held[0] != epoch:
            circle = Circle(
                self.starts, self.rows, seed=self.seed, epoch=epoch, at_shard=self.at_shard
            )
            self._held = (epoch, circle)
        return self._held[1]

    def places(self, node: int, nodes: int) -> range:
        """Return the places on the circle that share `node` of `nodes` consists of."""
        whole, more = divmod(self.rows, nodes)
        first = node * whole + min(node, more)
        return range(first, first + whole + (node < more))

    def share(self, node: int, nodes: int) -> "Arc":
        """Return the order of share `node` of `nodes`."""
        return Arc(self, self.places(node, nodes), "share", node, nodes)


class Arc:
    """Blocks of an arc of the circle in a random order, mixed within a window of blocks.

    Args:
        of: The circle.
        places: The places on it.
        key: What tells this arc from others, for the random numbers.
    """

    access: Access = "blocks"

    def __init__(self, of: NodeBlocks, places: range, *key: int | str) -> None:
        self.rows: int = len(places)
        self.chunk: int = of.block_rows * WINDOW_BLOCKS
        self._first = places.start
        self._of = of
        self._key = key
        self._held: tuple[int, Permutation] | None = None

    def _blocks(self, epoch: int) -> Permutation:
        # The last block may be short. It stays last, so that every window before it is full.
        if self._held is None or self._held[0] != epoch:
            full = self.rows // self._of.block_rows
            self._held = (epoch, Permutation(full, self._of.seed, *self._key, "blocks", epoch))
        return self._held[1]

    def _pieces(self, epoch: int, chunk: int) -> list[tuple[int, int]]:
        # Returns the rows [start, stop) of the split that make up a window, as far as there is one.
        blocks, block_rows = self._blocks(epoch), self._of.block_rows
        first = chunk * WINDOW_BLOCKS
        found = blocks.between(min(first, blocks.n), min(first + WINDOW_BLOCKS, blocks.n)).tolist()
        if first <= blocks.n < first + WINDOW_BLOCKS:
            found.append(blocks.n)
        circle = self._of.circle(epoch)
        return [
            piece
            for start in (block * block_rows for block in found)
            for piece in circle.pieces(
                self._first + start, self._first + min(start + block_rows, self.rows)
            )
        ]

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        """Return the row numbers of a chunk of an epoch."""
        window = self._pieces(epoch, chunk)
        for start, stop in window + self._pieces(epoch, chunk + 1):
            self._of.will_need(start, stop)
        rows = np.concatenate([np.arange(start, stop) for start, stop in window])
        return mixed_rows(rows, self._of.seed, *self._key, "mix", epoch, chunk)

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch and the number of shares."""
        of = self._of
        facts = {"order": "nodes", "rows": of.rows, "seed": of.seed}
        return facts | {"block_rows": of.block_rows, "shards": len(of.starts)}
