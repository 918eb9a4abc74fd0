"""Gathers the rows of a text split as padded, bag or jagged batches."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad as pad_to

from shardmill.datasets.gather.mapped_split import MappedSplit
from shardmill.datasets.gather.row_reader import RowReader, Transforms, gathered, unbound
from shardmill.datasets.gather.tensor_rows import torch_dtype
from shardmill.datasets.gather.text_stack import TextStack, jagged
from shardmill.datasets.text import Layout
from shardmill.format.batch import Bag, Padded


class TextReader(RowReader):
    """Rows of token ids: `x` as `layout` says, `y` [b].

    Args:
        split, transforms, rows: see `RowReader`.
        rows_per_shard: of the split.
        layout: `padded`, ids [b, longest] and lengths [b]; `bag`, ids [sum of lengths] and
            offsets [b]; or `jagged`, a nested tensor [b, j] of layout torch.jagged.
        max_tokens: what a row has beyond them is left out; None for no limit.
        padding_id: stands past a row's end in a padded batch.
    """

    def __init__(
        self,
        split: MappedSplit,
        transforms: Transforms,
        *,
        rows: int,
        rows_per_shard: int,
        layout: Layout,
        max_tokens: int | None,
        padding_id: int,
    ) -> None:
        super().__init__(split, transforms, rows=rows)
        self._rows_per_shard = rows_per_shard
        self._layout = layout
        self._max_tokens = max_tokens
        self._padding_id = padding_id
        self._stack = self._text_stack = TextStack(layout, padding_id)
        self._strip = torch.zeros(0)  # see _masks
        self._counting = np.arange(0)  # as far as the largest batch so far

    def lengths(self, rows: Tensor) -> Tensor:
        """See `Reader`."""
        lengths = gathered(self._columns["x.sizes"], rows).long()
        return lengths if self._max_tokens is None else lengths.clamp_(max=self._max_tokens)

    def _inputs(self, rows: Tensor) -> Iterator[Any]:
        starts = gathered(self._columns["x.offsets"], rows)  # [n, b], within the shard
        stride = self._columns["x"].source.stride
        if self.rows > self._rows_per_shard:
            starts += self._shards_of(rows).mul_(stride)
        lengths = self.lengths(rows)  # [n, b]
        return (self._padded if self._layout == "padded" else self._flat)(starts, lengths)

    def _shards_of(self, rows: Tensor) -> Tensor:
        bits = self._rows_per_shard.bit_length() - 1
        if self._rows_per_shard == 2**bits:  # as it is by default; twenty times as fast
            return rows >> bits
        return torch.div(rows, self._rows_per_shard, rounding_mode="floor")

    def _padded(self, starts: Tensor, lengths: Tensor) -> Iterator[Padded]:
        flat = self._columns["x"]
        longest = lengths.amax(1).tolist() if lengths.shape[1] else [0] * len(lengths)
        for start, length, width in zip(starts.unbind(), unbound(lengths), longest, strict=True):
            if width == 0:
                yield Padded(flat.gather(start[:0]).view(len(start), 0), length)
                continue
            ids = flat.windows(start, width)  # [b, width]
            masks = self._masks(length, width)
            # Where the mask is -1 this leaves an id as it is, and it makes the padding id of all
            # else. Filling by a mask of bools takes ten times as long.
            torch.maximum(ids.bitwise_and_(masks), masks, out=ids)
            yield Padded(ids, length)

    def _masks(self, lengths: Tensor, width: int) -> Tensor:
        # [b, width]: -1 in the first `length` places of each row, then the padding id. The rows
        # are windows on one strip of both, which takes half the time of comparing with lengths.
        strip = self._strip  # another thread may put a longer one in its place
        if width > len(strip) // 2:
            ids = torch.full((width,), -1, dtype=torch_dtype(self._columns["x"].source.dtype))
            self._strip = strip = torch.cat([ids, torch.full_like(ids, self._padding_id)])
        middle = len(strip) // 2
        return strip.as_strided((middle + 1, width), (1, 1)).index_select(0, middle - lengths)

    def _flat(self, starts: Tensor, lengths: Tensor) -> Iterator[Any]:
        ends = lengths.cumsum(1)
        offsets = ends - lengths  # [n, b], where each row starts in its batch
        counts = ends[:, -1].tolist() if lengths.shape[1] else [0] * len(lengths)
        counting = self._counting
        if max(counts, default=0) > len(counting):
            self._counting = counting = np.arange(max(counts))
        shifts, repeats = (starts - offsets).numpy(), lengths.numpy()
        parts = zip(shifts, repeats, counts, unbound(offsets), unbound(lengths), strict=True)
        for shift, repeat, count, offset, length in parts:
            # Place of each id: where its row starts, plus its position in the row. numpy repeats
            # four times as fast as torch.
            places = np.repeat(shift, repeat)  # [sum of lengths]
            places += counting[:count]
            ids = self._columns["x"].gather(torch.from_numpy(places))
            yield Bag(ids, offset) if self._layout == "bag" else jagged(ids, length)

    def _count(self, x: Any) -> int:
        return len(x[1]) if isinstance(x, Padded | Bag) else int(x.size(0))

    def cut(self, x: Any, index: int) -> Any:
        """See `Reader`."""
        if isinstance(x, Padded):
            return x.ids[index, : int(x.lengths[index])]
        if _is_jagged(x):
            return x.values()[x.offsets()[index] : x.offsets()[index + 1]]
        if not isinstance(x, Bag):
            return x[index]
        last = index + 1 == len(x.offsets)
        stop = len(x.ids) if last else int(x.offsets[index + 1])
        return x.ids[int(x.offsets[index]) : stop]

    def join(self, xs: Sequence[Any], places: Tensor) -> Any:
        """See `Reader`."""
        if all(isinstance(x, Padded) for x in xs):
            lengths = torch.cat([x.lengths for x in xs])[places]
            longest = max(x.ids.shape[1] for x in xs)
            wide = [
                pad_to(x.ids, (0, longest - x.ids.shape[1]), value=self._padding_id) for x in xs
            ]
            return Padded(torch.cat(wide).index_select(0, places), lengths)
        if not all(isinstance(x, Bag) or _is_jagged(x) for x in xs):
            return super().join(xs, places)
        bags = [x if isinstance(x, Bag) else Bag(x.values(), x.offsets()[:-1]) for x in xs]
        ends = [torch.cat([bag.offsets[1:], torch.tensor([len(bag.ids)])]) for bag in bags]
        lengths = torch.cat([end - bag.offsets for end, bag in zip(ends, bags, strict=True)])
        rows = torch.cat([bag.ids for bag in bags]).split_with_sizes(lengths.tolist())
        return self._text_stack([rows[place] for place in places.tolist()])


def _is_jagged(x: Any) -> bool:
    return isinstance(x, Tensor) and x.layout == torch.jagged
