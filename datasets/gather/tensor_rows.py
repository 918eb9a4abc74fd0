"""The rows of one tensor of a split as torch gathers them, whichever shards they lie in."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import MappedSplit, Source
from shardmill.datasets.gather.span import Span


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


class ShardColumn:
    """Each shard mapped by itself, where files cannot be mapped into a span: correct and slower."""

    def __init__(self, source: Source, shards: Sequence[memoryview]) -> None:
        self.source = source
        self._shards = [_shard_rows(source, shard) for shard in shards]

    def gather(self, rows: Tensor) -> Tensor:
        """Return copies of `rows` [b] int64 as a fresh tensor [b, *shape].

        Raises:
            IndexError: A row is outside, for which the offsets of a damaged shard are to blame.
        """
        dtype = torch_dtype(self.source.dtype)
        out = torch.zeros((len(rows), *self.source.shape), dtype=dtype, device="cpu")
        shards = torch.div(rows, self.source.stride, rounding_mode="floor")
        for shard in torch.unique(shards).tolist():
            if shard < 0:  # in a list, it would stand for the last one
                raise IndexError(f"row {int(rows.min()):,}")
            if not len(self._shards[shard]):  # `windows` asks for texts without a token, too
                continue
            places = torch.nonzero(shards == shard).squeeze(1)
            inside = rows[places] - shard * self.source.stride
            out[places] = self._shards[shard].index_select(0, inside)
        return out

    def windows(self, starts: Tensor, width: int) -> Tensor:
        """Return the `width` values from each of `starts` on as a fresh [b, width]."""
        lengths = torch.tensor([len(shard) for shard in self._shards], device="cpu")
        shards = torch.div(starts, self.source.stride, rounding_mode="floor")
        last = shards * self.source.stride + (lengths[shards] - 1).clamp(min=0)  # in each shard
        places = torch.minimum(starts[:, None] + torch.arange(width, device="cpu"), last[:, None])
        return self.gather(places.view(-1)).view(len(starts), width)


def open_column(split: MappedSplit, name: str) -> Column:
    """Return a tensor of a split; the split is mapped now if it was not before.

    Raises:
        DamagedFileError: A shard is missing or of another size than the manifest says.
        ManifestError: The manifest contradicts itself.
    """
    source = split.sources[name]
    if split.in_spans:
        return SpanColumn(source, split.spans[name])
    return ShardColumn(source, split.shards[name])


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


def _shard_rows(source: Source, shard: memoryview) -> Tensor:
    dtype = torch_dtype(source.dtype)
    if not shard:
        return torch.empty((0, *source.shape), dtype=dtype, device="cpu")
    count = len(shard) // source.row_bytes * math.prod(source.shape)
    return torch.frombuffer(shard, dtype=dtype, count=count).view(-1, *source.shape)
