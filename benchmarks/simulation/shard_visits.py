"""Which shards a rank opens in an epoch, and when: by the library's own orders and slots."""

import ctypes
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from shardmill.datasets.batch_dataset import BatchDataset
from shardmill.datasets.gather.coming_spans import ComingSpans
from shardmill.datasets.gather.fixed_inputs import GATHER_BYTES
from shardmill.datasets.gather.shard_slots import HeldSlots, SlotFiles
from shardmill.datasets.gather.span import ShardPieces, Span
from shardmill.datasets.loader import GROUP_BATCHES, GROUP_ROWS
from shardmill.datasets.order.epoch_order import EpochOrder
from shardmill.datasets.order.node_order import Dealt
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
class Bring:
    """Some shards are wanted now, and come side by side."""

    shards: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Some batches are gathered from shards that are mapped, and given out one by one."""

    batches: int
    rows: int


Visit = Open | Announce | Bring | Gather


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a split, and how its loaders go through them.

    Attributes:
        rows: How many rows there are.
        row_bytes: How many bytes a row takes in the shards.
        rows_per_shard: How many rows a shard has; the last one may have fewer.
        batch_size: How many rows a batch of one rank has.
        shuffle: The order: False, True, "blocks", "nodes" or "shards".
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


class _Rows(BatchDataset[Any, Any]):
    """A dataset that has an order, and no rows."""

    def __init__(self, rows: Rows, files: "_Recorded") -> None:
        self._rows = rows
        self._files = files

    def __len__(self) -> int:
        return self._rows.rows

    @property
    def reader(self) -> Any:
        """What an order asks of a reader."""
        return self

    @property
    def row_bytes(self) -> int:
        return self._rows.row_bytes

    @property
    def shard_starts(self) -> Numbers:
        return np.arange(0, self._rows.rows, self._rows.rows_per_shard)

    def will_need(self, start: int, stop: int) -> None:
        self._files.will_need(start, stop)

    def order(self, nodes: int) -> RowOrder | Dealt:
        """Return the order that `loader` makes."""
        shuffle: Any = self._rows.shuffle
        dealt = shuffle in ("nodes", "shards")
        return self._row_order(shuffle, None, seed=self._rows.seed, nodes=nodes if dealt else None)


class _Recorded:
    """Files of shards that are only told what is wanted of them; see `ShardFiles`."""

    in_order = False

    def __init__(self, rows: Rows, most: int | None) -> None:
        self.visits: list[Visit] = []
        self.sizes = rows.shard_bytes
        self.most = most
        self.all_mapped = False
        self._rows = rows

    def here(self) -> bool:
        return False

    def bring(self, shards: Iterable[int]) -> None:
        self.visits.append(Bring(tuple(shards)))

    def open(self, shard: int) -> int:
        self.visits.append(Open(shard))
        return os.open(os.devnull, os.O_RDONLY)  # somebody closes it

    def announce(self, shards: Iterable[int]) -> None:
        self.visits.append(Announce(tuple(shards)))

    def will_need(self, start: int, stop: int) -> None:
        if not self.all_mapped and start < stop:
            in_shard = self._rows.rows_per_shard
            self.announce(range(start // in_shard, (stop - 1) // in_shard + 1))


class _UnmappedSlots(HeldSlots):
    """The library's slots, without the memory that files are mapped into."""

    def _reserve(self) -> Span:
        return (ctypes.c_char * 0)()

    def _fill(self, slot: int, shard: int) -> None:  # noqa: ARG002  nothing is mapped
        os.close(self._files.files.open(shard))


def find_visits(
    rows: Rows, most: int | None, *, rank: int, ranks: int, nodes: int
) -> Iterator[Visit]:
    """Yield what a rank does in an epoch.

    Args:
        rows: The rows.
        most: How many shards a process may map at a time; None for all, as `CachedShards` says.
        rank: The rank.
        ranks: How many ranks there are on all nodes.
        nodes: How many nodes there are.
    """
    files = _Recorded(rows, most)
    slots = None if most is None else _UnmappedSlots(SlotFiles(files, room=0))
    spans = ComingSpans(files, [], lambda shard: ShardPieces(partial(files.open, shard), ()))
    chosen = _Rows(rows, files).order(nodes)
    order = EpochOrder(chosen, rows.batch_size, rank=rank, world_size=ranks)
    at_once = max(min(GROUP_BATCHES, GROUP_ROWS // rows.batch_size), 1)
    for group in order.groups(order.begin(), at_once):
        if slots is None:
            spans.need(_shards_of(group, rows))
            files.all_mapped = spans.whole
        elif rows.labelled:
            _place(slots, group, rows)
        together = max(GATHER_BYTES // (rows.row_bytes * group.shape[1]), 1)
        for part in (group[at : at + together] for at in range(0, len(group), together)):
            if slots is not None:
                _place(slots, part, rows)
            yield from files.visits
            files.visits.clear()
            yield Gather(len(part), part.numel())


def _shards_of(group: Tensor, rows: Rows) -> Numbers:
    return group.reshape(-1).numpy() // rows.rows_per_shard


def _place(slots: HeldSlots, group: Tensor, rows: Rows) -> None:
    for _ in slots.parts(_shards_of(group, rows)):
        pass
