"""Gathers texts as padded, bag or jagged batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import MappedSplit
from shardmill.datasets.gather.tensor_rows import gathered, open_column, torch_dtype, unbound
from shardmill.datasets.gather.text_stack import TextStack, jagged
from shardmill.datasets.item_types import Layout
from shardmill.errors import DamagedFileError
from shardmill.format.batch import Bag, Padded
from shardmill.format.layout import fixed_tensors
from shardmill.format.read_checked import REBUILD

_REFUSALS = (IndexError, ValueError, RuntimeError)


class TextInputs:
    """Inputs of token ids: `x` as the layout says.

    Args:
        split: The mapped split.
        name: The name of the field.
        layout: `padded` gives ids [b, longest] and lengths [b]; `bag` gives ids [sum of lengths]
            and offsets [b]; `jagged` gives a nested tensor [b, j] of layout torch.jagged.
        max_tokens: How many tokens of a row are kept; None for no limit.
        padding_id: The id that stands past the end of a row in a padded batch.
    """

    def __init__(
        self,
        split: MappedSplit,
        name: str = "x",
        *,
        layout: Layout,
        max_tokens: int | None,
        padding_id: int,
    ) -> None:
        (field,) = (field for field in split.record.fields if field.name == name)
        offsets, sizes = fixed_tensors(field)
        self._ids = open_column(split, field.name)
        self._offsets = open_column(split, offsets.name)
        self._sizes = open_column(split, sizes.name)
        self._split = split
        self._name = field.name
        self._longest = int(split.counts.longest[field.name].max(initial=0))
        self._rows_per_shard = split.record.rows_per_shard
        self._in_one_shard = split.record.rows <= self._rows_per_shard
        self._layout = layout
        self._max_tokens = max_tokens
        self._padding_id = padding_id
        self.stack: TextStack | None = TextStack(layout, padding_id)
        self._strip = torch.zeros(0, device="cpu")  # see _masks
        self._counting = np.arange(0)  # as far as the largest batch so far

    def lengths(self, rows: Tensor) -> Tensor:
        """Return how many tokens of `rows` [b] or [n, b] are kept, int64 of the same shape."""
        lengths = gathered(self._sizes, rows).long()
        return lengths if self._max_tokens is None else lengths.clamp_(max=self._max_tokens)

    def batches(self, rows: Tensor) -> Iterator[Any]:
        """Yield the `x` of each batch of `rows` [n, b]."""
        starts = gathered(self._offsets, rows)  # [n, b], within the shard
        lengths = self.lengths(rows)  # [n, b]
        if not self._in_one_shard:
            starts += self._shards_of(rows).mul_(self._ids.source.stride)
        return (self._padded if self._layout == "padded" else self._flat)(rows, starts, lengths)

    def _refuse_damaged(self, rows: Tensor) -> None:
        places = self._shards_of(rows)
        values = torch.from_numpy(self._split.counts.values[self._name])[places]
        starts, sizes = self._offsets.gather(rows), self._sizes.gather(rows).long()
        wrong = (starts < 0) | (sizes < 0) | (starts > values) | (sizes > values - starts)
        if not wrong.any():
            wrong = sizes > self._longest
        for at in torch.nonzero(wrong)[:1, 0].tolist():
            row, start, size = int(rows[at]), int(starts[at]), int(sizes[at])
            raise DamagedFileError(
                self._split.artifact / self._split.record.shards[int(places[at])].path,
                expected=f"rows of up to {self._longest:,} ids among {int(values[at]):,}",
                found=f"row {row:,} of the split with {size:,} ids from {start:,} on",
                fix=REBUILD,
            )

    def _bound(self, counts: list[int], rows: int) -> None:
        # Memory is taken for so many ids, which the sizes in a damaged shard must not decide.
        if max(counts, default=0) > rows * self._longest:
            raise ValueError(f"{max(counts):,} ids in {rows:,} rows")

    def _shards_of(self, rows: Tensor) -> Tensor:
        bits = self._rows_per_shard.bit_length() - 1
        if self._rows_per_shard == 2**bits:  # as it is by default; twenty times as fast
            return rows >> bits
        return torch.div(rows, self._rows_per_shard, rounding_mode="floor")

    # A check of each batch would cost a twentieth of its time, and torch and numpy refuse what
    # leads outside. So rows are looked at only once something was refused.

    def _padded(self, rows: Tensor, starts: Tensor, lengths: Tensor) -> Iterator[Padded]:
        longest = lengths.amax(1).tolist() if lengths.shape[1] else [0] * len(lengths)
        parts = zip(starts.unbind(), unbound(lengths), longest, strict=True)
        try:
            self._bound(longest, 1)
            for start, length, width in parts:
                if width == 0:
                    self._bound([-n for n in length.tolist()], 0)
                    yield Padded(self._ids.gather(start[:0]).view(len(start), 0), length)
                    continue
                ids = self._ids.windows(start, width)  # [b, width]
                masks = self._masks(length, width)
                # Where the mask is -1 this leaves an id as it is, and it makes the padding id of
                # all else. Filling by a mask of bools takes ten times as long.
                torch.maximum(ids.bitwise_and_(masks), masks, out=ids)
                yield Padded(ids, length)
        except _REFUSALS:
            self._refuse_damaged(rows.reshape(-1))
            raise

    def _masks(self, lengths: Tensor, width: int) -> Tensor:
        # [b, width]: -1 in the first `length` places of each row, then the padding id. The rows
        # are windows on one strip of both, which takes half the time of comparing with lengths.
        strip = self._strip  # another thread may put a longer one in its place
        if width > len(strip) // 2:
            ids = torch.full((width,), -1, dtype=torch_dtype(self._ids.source.dtype), device="cpu")
            self._strip = strip = torch.cat([ids, torch.full_like(ids, self._padding_id)])
        middle = len(strip) // 2
        return strip.as_strided((middle + 1, width), (1, 1)).index_select(0, middle - lengths)

    def _flat(self, rows: Tensor, starts: Tensor, lengths: Tensor) -> Iterator[Any]:
        ends = lengths.cumsum(1)
        offsets = ends - lengths  # [n, b], where each row starts in its batch
        counts = ends[:, -1].tolist() if lengths.shape[1] else [0] * len(lengths)
        shifts, repeats = (starts - offsets).numpy(), lengths.numpy()
        parts = zip(shifts, repeats, counts, unbound(offsets), unbound(lengths), strict=True)
        try:
            self._bound(counts, lengths.shape[1])
            counting = self._counting
            if max(counts, default=0) > len(counting):
                self._counting = counting = np.arange(max(counts))
            for shift, repeat, count, offset, length in parts:
                # Place of each id: where its row starts, plus its position in the row. numpy
                # repeats four times as fast as torch.
                places = np.repeat(shift, repeat)  # [sum of lengths]
                places += counting[:count]
                ids = self._ids.gather(torch.from_numpy(places))
                yield Bag(ids, offset) if self._layout == "bag" else jagged(ids, length)
        except _REFUSALS:
            self._refuse_damaged(rows.reshape(-1))
            raise
