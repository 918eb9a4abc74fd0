"""Texts as the numbers of their tokens."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from shardmill.batch import Bag, Padded, pad, row_offsets
from shardmill.datasets.dataset import ShardDataset
from shardmill.load_vocab import load_vocab
from shardmill.manifest import VocabularyRecord
from shardmill.vocab import Vocab

Layout = Literal["padded", "bag"]


class TextDataset(ShardDataset):
    """Rows of a text artifact: `x` the ids [length] int32 of its tokens, `y` the class index.

    Args:
        path, split, options: see `ShardDataset`.
        layout: how the `x` of a batch is put together: `padded`, ids [b, longest] and lengths [b],
            or `bag`, ids [sum of lengths] and offsets [b].

    Example:
        >>> ds = TextDataset("artifacts/ag_news")
        >>> x, y = ds[:256]
        >>> x.ids, x.lengths  # [256, longest] int32, [256] int64
        >>> ds.vocab.lookup_tokens(ds[0][0])
    """

    kind = "text"

    def __init__(
        self,
        path: str | os.PathLike[str],
        split: str = "train",
        *,
        layout: Layout = "padded",
        **options: Any,
    ) -> None:
        super().__init__(path, split, **options)
        if layout not in ("padded", "bag"):
            raise ValueError(f"layout is 'padded' or 'bag', not {layout!r}")
        self._layout = layout

    @property
    def _vocabulary(self) -> VocabularyRecord:
        assert self.manifest.vocabulary is not None  # noqa: S101  a text artifact has one
        return self.manifest.vocabulary

    @cached_property
    def vocab(self) -> Vocab:
        """The numbers of the tokens; its default index is that of the unknown token."""
        return load_vocab(self.path, self._vocabulary)

    def _inputs(self, rows: Tensor) -> Padded | Bag:
        flat = self._columns["x"]
        starts = self._columns["x.offsets"].gather(rows)  # [b], within the shard
        shards = torch.div(rows, self._record.rows_per_shard, rounding_mode="floor")
        starts += shards * flat.source.stride
        lengths = self._columns["x.sizes"].gather(rows).long()  # [b]
        if self._layout == "padded":
            longest = int(lengths.max()) if len(lengths) else 0
            if longest == 0:
                return Padded(torch.empty((len(rows), 0), dtype=flat.source.dtype), lengths)
            ids = flat.windows(starts, longest)  # [b, longest]
            past_the_end = torch.arange(longest) >= lengths[:, None]
            return Padded(ids.masked_fill_(past_the_end, self._vocabulary.padding_id), lengths)
        offsets = row_offsets(lengths)
        # Place of each id: where its row starts, plus its position in the row.
        places = torch.repeat_interleave(starts - offsets, lengths)  # [sum of lengths]
        return Bag(flat.gather(places + torch.arange(len(places))), offsets)

    def _row(self, x: Padded | Bag, index: int) -> Tensor:
        if isinstance(x, Padded):
            return x.ids[index, : int(x.lengths[index])]
        last = index + 1 == len(x.offsets)
        stop = len(x.ids) if last else int(x.offsets[index + 1])
        return x.ids[int(x.offsets[index]) : stop]

    def _length(self, x: Padded | Bag) -> int:
        return len(x[1])

    def _stack(self, rows: Sequence[Tensor]) -> Padded | Bag:
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.cat(list(rows))
        if self._layout == "bag":
            return Bag(ids, row_offsets(lengths))
        return pad(ids, lengths, self._vocabulary.padding_id)


class AGNewsDataset(TextDataset):
    """The artifact of the recipe `ag_news`; see `TextDataset`."""

    def __init__(
        self,
        path: str | os.PathLike[str] = "artifacts/ag_news",
        split: str = "train",
        **options: Any,
    ) -> None:
        super().__init__(path, split, **options)
