"""The rows of one tensor of a split as torch gathers them, whichever shards they lie in."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import MappedSplit, Source
from shardmill.datasets.gather.shard_slots import ShardSlots
from shardmill.datasets.gather.span import Span
from shardmill.format.layout import DTYPES


class Column(Protocol):
    """Rows by number, from 0 up to `source.rows`."""

    source: Source

    def gather(self, rows: Tensor) -> Tensor:
        """Return copies of `rows` [b] int64 as a fresh tensor [b, *shape]."""
        ...

    def windows(self, starts: Tensor, width: int) -> Tensor:
        """Return the `width` values from each of `starts` [b] int64 on as a fresh [b, width].

        This is for flat columns. Each start is the start of a row, and no row is longer than
        `width`. What stands past the end of a row has no meaning.
        """
        ...


class SpanColumn:
    """All shards side by side in one span of memory; a gather is one `index_select`."""

    def __init__(self, source: Source, span: Span) -> None:
        self.source = source
        size = source.rows * source.row_bytes
        # torch warns of memory that is not writable, so this memory claims to be. The tensor over
        # it never leaves this class.
        flat = torch.frombuffer(span, dtype=torch.uint8)[:size]
        self._rows = flat.view(torch_dtype(source.dtype)).view(source.rows, *source.shape)
        # See `Column`. It is torch's function rather than a method that calls it, since a call
        # counts at 20 microseconds a batch.
        self.gather: Callable[[Tensor], Tensor] = partial(self._rows.index_select, 0)

    def windows(self, starts: Tensor, width: int) -> Tensor:
        """Return the `width` values from each of `starts` on as a fresh [b, width]."""
        # The windows overlap in memory. The span has room for one past the end of each shard.
        every = self._rows.as_strided((len(self._rows) - width + 1, width), (1, 1))
        return every.index_select(0, starts)


class SlotColumn:
    """Some shards in slots of memory at a time; a gather brings those of its rows there.

    Args:
        source: Where the rows of the tensor are.
        slots: The slots of the split.
        starts: Where the tensor begins in the file of each shard, [S] bytes.
    """

    def __init__(self, source: Source, slots: ShardSlots, starts: npt.NDArray[np.int64]) -> None:
        self.source = source
        self._slots = slots
        self._item_bytes = DTYPES[source.dtype][1]
        self._starts = starts // self._item_bytes
        self._row_items = math.prod(source.shape)

    def gather(self, rows: Tensor) -> Tensor:
        """Return copies of `rows` [b] int64 as a fresh tensor [b, *shape].

        Raises:
            IndexError: A row is outside, for which the offsets of a damaged shard are to blame.
        """
        return self._copies(rows.numpy(), self._row_items).view(len(rows), *self.source.shape)

    def windows(self, starts: Tensor, width: int) -> Tensor:
        """Return the `width` values from each of `starts` on as a fresh [b, width].

        Raises:
            IndexError: A start is outside, for which the offsets of a damaged shard are to blame.
        """
        return self._copies(starts.numpy(), width)

    def _copies(self, rows: npt.NDArray[np.int64], items: int) -> Tensor:
        # Returns so many elements from the start of each of `rows` [b] on, [b, items].
        shards = rows // self.source.stride
        if len(shards) and shards.min() < 0:  # it would stand for the last one
            raise IndexError(f"row {rows.min():,}")
        firsts = self._starts[shards] + (rows - shards * self.source.stride) * self._row_items
        parts = []
        with self._slots.held() as held:
            memory = torch.frombuffer(held.span, dtype=torch.uint8)
            memory = memory[: len(memory) // self._item_bytes * self._item_bytes]
            every = memory.view(torch_dtype(self.source.dtype))
            # Rows of any size at any place: they overlap in memory, as those of `windows` do.
            every = every.as_strided((len(every) - items + 1, items), (1, 1))
            for members, slots in held.parts(shards):
                firsts_there = slots * (self._slots.slot_bytes // self._item_bytes)
                index = torch.from_numpy(firsts_there + firsts[members])
                parts.append((members, every.index_select(0, index)))
        if len(parts) == 1:
            return parts[0][1]
        out = parts[0][1].new_empty((len(rows), items))
        for members, copies in parts:
            out[members] = copies
        return out


def open_column(split: MappedSplit, name: str) -> Column:
    """Return a tensor of a split; the split is mapped now if it was not before.

    Raises:
        DamagedFileError: A shard is missing or of another size than the manifest says.
        ManifestError: The manifest contradicts itself.
    """
    source = split.sources[name]
    if split.in_spans:
        return SpanColumn(source, split.spans[name])
    return SlotColumn(source, split.slots, split.places[name][0])


def gathered(column: Column, rows: Tensor) -> Tensor:
    """Return copies of `rows` [n, b] of a column as a fresh tensor [n, b, *shape]."""
    return column.gather(rows.reshape(-1)).view(*rows.shape, *column.source.shape)


def unbound(values: Tensor) -> Sequence[Tensor]:
    """Return the n tensors [b, ...] of [n, b, ...] such that none knows of the others.

    Views of a common tensor count their versions together, so autograd would take a change in place
    of one batch for a change of all. Those of `unsafe_split` count alone.
    """
    rows = values.shape[1]
    return torch.unsafe_split(values.flatten(0, 1), rows) if rows else values.unbind()


def torch_dtype(name: str) -> torch.dtype:
    """Return torch's dtype of a dtype's name in the format."""
    dtype: torch.dtype = getattr(torch, name)
    return dtype
