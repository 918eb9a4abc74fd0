"""Texts as the numbers of their tokens."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from shardmill.datasets.dataset import ShardDataset
from shardmill.format.manifest import VocabularyRecord
from shardmill.text.load_vocab import load_vocab
from shardmill.text.vocab import Vocab

if TYPE_CHECKING:
    from shardmill.datasets.gather.row_reader import Reader

Layout = Literal["padded", "bag", "jagged"]


class TextDataset(ShardDataset):
    """Rows of a text artifact: `x` the ids [length] int32 of its tokens, `y` the class index.

    Args:
        path, split, options: see `ShardDataset`.
        layout: how the `x` of a batch is put together: `padded`, ids [b, longest] and lengths [b];
            `bag`, ids [sum of lengths] and offsets [b]; `jagged`, a nested tensor [b, j] of layout
            torch.jagged.
        max_tokens: leave out what a row has beyond them.

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
        max_tokens: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(path, split, **options)
        if layout not in get_args(Layout):
            raise ValueError(f"layout is one of {', '.join(get_args(Layout))}, not {layout!r}")
        if max_tokens is not None and max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, not {max_tokens}")
        self._layout = layout
        self._max_tokens = max_tokens

    @property
    def _vocabulary(self) -> VocabularyRecord:
        assert self.manifest.vocabulary is not None  # noqa: S101  a text artifact has one
        return self.manifest.vocabulary

    @cached_property
    def vocab(self) -> Vocab:
        """The numbers of the tokens; its default index is that of the unknown token."""
        return load_vocab(self.path, self._vocabulary)

    def _terms(self) -> Mapping[str, Any]:
        facts = self._vocabulary
        vocabulary = (
            f"of {facts.tokens:,} tokens ({(facts.vocab or facts.tokenizer).xxh3_128[:12]})"
        )
        vocabulary += f", unknown {facts.unknown}, padding {facts.padding}"
        return {**super()._terms(), "vocabulary": vocabulary, "layout": self._layout}

    def _open(self) -> "Reader":
        from shardmill.datasets.gather.text_reader import TextReader

        return TextReader(
            self._mapped,
            self._transforms(),
            rows=len(self),
            rows_per_shard=self._record.rows_per_shard,
            layout=self._layout,
            max_tokens=self._max_tokens,
            padding_id=self._vocabulary.padding_id,
        )


class AGNewsDataset(TextDataset):
    """The artifact of the recipe `ag_news`; see `TextDataset`."""

    def __init__(
        self,
        path: str | os.PathLike[str] = "artifacts/ag_news",
        split: str = "train",
        **options: Any,
    ) -> None:
        super().__init__(path, split, **options)
