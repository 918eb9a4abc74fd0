"""Which shards a rank opens in an epoch, and when: by the library's own orders and slots."""

import ctypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from shardmill.datasets.gather.fixed_inputs import GATHER_BYTES
from shardmill.datasets.gather.shard_slots import HeldSlots, SlotFiles
from shardmill.datasets.gather.span import Span
from shardmill.datasets.loader import GROUP_BATCHES, GROUP_ROWS
from shardmill.datasets.order import row_order
from shardmill.datasets.order.epoch_order import EpochOrder
from shardmill.datasets.order.node_order import Dealt, NodeBlocks
from shardmill.datasets.order.row_order import RowOrder
from shardmill.format.layout import ALIGNMENT

# Of a shard. It has no more as long as its tensors are few.
HEADER_BYTES = ALIGNMENT

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Open:
    """The file of a shard is opened, since rows of it are wanted now."""

    shard: int


@dataclass(frozen=True, slots=True)
class Announce:
    """Shards will be wanted soon."""

    shards: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Some batches are gathered from shards that are mapped, and given out one by one."""

    batches: int
    rows: int


Visit = Open | Announce | Gather


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a split, and how its loaders go through them.

    Attributes:
        rows: How many rows there are.
        row_bytes: How many bytes a row takes in the shards.
        rows_per_shard: How many rows a shard has; the last one may have fewer.
        batch_size: How many rows a batch of one rank has.
        shuffle: The order: False, True, "blocks" or "nodes".
        seed: The seed of the order.
        labelled: Whether the rows have a target, which is gathered before the inputs.
    """

    rows: int
    row_bytes: int
    rows_per_shard: int
    batch_size: int
    shuffle: bool | str = False
    seed: int = 0
    labelled: bool = False

    @property
    def shard_bytes(self) -> Numbers:
        """The size of each shard [S], without what pads the tensors of the last one."""
        starts = np.arange(0, self.rows, self.rows_per_shard)
        held = np.minimum(self.rows - starts, self.rows_per_shard)
        return np.asarray(held * self.row_bytes + HEADER_BYTES, np.int64)

    def order(self, announced: "_Recorded", *, nodes: int) -> RowOrder | Dealt:
        """Return the order that `ds.loader` makes of these options."""
        if self.shuffle in ("blocks", "nodes"):
            block_rows = max(row_order.BLOCK_BYTES // self.row_bytes, 1)
            options: dict[str, Any] = {"block_rows": block_rows, "will_need": announced.will_need}
            if self.shuffle == "blocks":
                return row_order.BlockShuffled(self.rows, self.seed, **options)
            starts = np.arange(0, self.rows, self.rows_per_shard)
            return Dealt(NodeBlocks(starts, self.rows, seed=self.seed, **options).share, nodes)
        if self.shuffle:
            return row_order.Shuffled(self.rows, self.seed)
        return row_order.InOrder(self.rows)


class _Recorded:
    """Files of shards that are only told what is wanted of them; see `ShardFiles`."""

    in_order = False

    def __init__(self, rows: Rows, most: int | None) -> None:
        self.visits: list[Visit] = []
        self.sizes = rows.shard_bytes
        self.most = most
        self._rows = rows

    def bring(self) -> None:
        pass

    def open(self, shard: int) -> int:
        self.visits.append(Open(shard))
        return -1

    def announce(self, shards: Iterable[int]) -> None:
        self.visits.append(Announce(tuple(shards)))

    def will_need(self, start: int, stop: int) -> None:
        if self.most is not None and start < stop:
            in_shard = self._rows.rows_per_shard
            self.announce(range(start // in_shard, (stop - 1) // in_shard + 1))


class _UnmappedSlots(HeldSlots):
    """The library's slots, without the memory that files are mapped into."""

    def _reserve(self) -> Span:
        return (ctypes.c_char * 0)()

    def _fill(self, slot: int, shard: int) -> None:  # noqa: ARG002  nothing is mapped
        self._files.files.open(shard)


def find_visits(
    rows: Rows, most: int | None, *, rank: int, ranks: int, nodes: int
) -> Iterator[Visit]:
    """Yield what a rank does in an epoch.

    Args:
        rows: The rows.
        most: How many shards a process may map at a time. None if it maps all, as `CachedShards`
            says; then no file is opened after the first batch.
        rank: The rank.
        ranks: How many ranks there are on all nodes.
        nodes: How many nodes there are.
    """
    files = _Recorded(rows, most)
    slots = None if most is None else _UnmappedSlots(SlotFiles(files, room=0))
    chosen = rows.order(files, nodes=nodes)
    order = EpochOrder(chosen, rows.batch_size, rank=rank, world_size=ranks)
    at_once = max(min(GROUP_BATCHES, GROUP_ROWS // rows.batch_size), 1)
    for group in order.groups(order.begin(), at_once):
        if rows.labelled:
            _place(slots, group, rows)
        together = max(GATHER_BYTES // (rows.row_bytes * group.shape[1]), 1)
        for part in (group[at : at + together] for at in range(0, len(group), together)):
            _place(slots, part, rows)
            yield from files.visits
            files.visits.clear()
            yield Gather(len(part), part.numel())


def _place(slots: HeldSlots | None, group: Tensor, rows: Rows) -> None:
    if slots is not None:
        for _ in slots.parts(group.reshape(-1).numpy() // rows.rows_per_shard):
            pass
