"""Turns texts into features, as bags of words and n-grams."""

import zlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from shardmill.format.batch import Bag
from shardmill.training.models.texts_of_row import row_features, row_width


class TextBag(nn.Module):
    """A bag of words and hashed n-grams, as fastText has it (Joulin et al. 2016).

    A text is the sum of its embeddings over the square root of their number.

    Args:
        tokens: The size of the vocabulary.
        width: How many numbers an embedding has, and how many features it returns for a text.
        ngrams: How many words an n-gram has at most. With 1 there are words alone.
        buckets: How many rows of the table all n-grams of two words or more share. They follow
            the rows of the vocabulary.
        word_dropout: The share of words and n-grams that are left out of a text in training.
        dropout: The share of features that are dropped in training.
        groups: The names of the texts of a row if there are several; see `row_features`.

    Attributes:
        token_hashes: A hash of the text of each token, [tokens] int64 from 0 to 2^32 - 1; all are 0
            until they are set. n-grams are hashed by these, so that they mean the same with any
            vocabulary.
    """

    token_hashes: Tensor

    def __init__(
        self,
        tokens: int,
        *,
        width: int = 64,
        ngrams: int = 2,
        buckets: int = 65_536,
        word_dropout: float = 0.5,
        dropout: float = 0.3,
        groups: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.groups = groups
        self.width: int = row_width(width, groups)
        self.ngrams = ngrams
        self.buckets = buckets
        self.register_buffer("token_hashes", torch.zeros(tokens, dtype=torch.int64))
        self.word_dropout: nn.Dropout = nn.Dropout(word_dropout)
        rows = tokens + (buckets if ngrams > 1 else 0)
        self.embedding: nn.EmbeddingBag = nn.EmbeddingBag(rows, width, mode="sum")
        nn.init.normal_(self.embedding.weight, std=0.01)
        self.dropout: nn.Dropout = nn.Dropout(dropout)

    def hash_tokens(self, tokens: Sequence[str]) -> None:
        """Set the hashes of all tokens of the vocabulary."""
        self.token_hashes.copy_(torch.tensor([zlib.crc32(token.encode()) for token in tokens]))

    def forward(self, x: Bag | Mapping[str, Bag]) -> Tensor:
        """Return features [b, `row_width`] of a text of each row, or of several by group."""
        return row_features(x, self.groups, self._features)

    def _features(self, x: Bag) -> Tensor:
        ids, offsets = x.ids.long(), x.offsets
        lengths = torch.diff(offsets, append=offsets.new_full((1,), ids.shape[0]))
        # Each word stands before the n-grams that it begins: [n] -> [n, ngrams] -> [n * ngrams].
        entries = torch.stack([ids, *self._ngrams(ids)], dim=1).view(-1)
        further = torch.arange(self.ngrams, device=ids.device)  # words of an n-gram after its first
        # 1.0 where an n-gram ends in the text where it begins: [n, ngrams].
        ends = torch.repeat_interleave(offsets + lengths, lengths, output_size=ids.shape[0])
        places = torch.arange(ids.shape[0], device=ids.device)
        weights = (places[:, None] + further < ends[:, None]).to(self.embedding.weight).view(-1)
        summed = self.embedding(
            entries, offsets * self.ngrams, per_sample_weights=self.word_dropout(weights)
        )
        count = (lengths[:, None] - further).clamp(min=0).sum(1).clamp(min=1)
        features: Tensor = self.dropout(summed / count.sqrt()[:, None])
        return features

    def _ngrams(self, ids: Tensor) -> list[Tensor]:
        """Return the table rows [n] of the n-gram of 2, 3, ... words that begins at each word.

        Words past the end are taken from the beginning.
        """
        hashes = self.token_hashes[ids]
        hashed = _add_word(torch.full_like(ids, _FNV_BASIS), hashes)
        rows = []
        for n in range(1, self.ngrams):
            hashed = _add_word(hashed, hashes.roll(-n))
            rows.append(self.tokens + hashed % self.buckets)
        return rows


# FNV-1a of 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/), taking 32 bits at a time.
_FNV_BASIS = 0x811C9DC5
_FNV_PRIME = 0x01000193


def _add_word(hashed: Tensor, word: Tensor) -> Tensor:
    return ((hashed ^ word) * _FNV_PRIME) & 0xFFFFFFFF  # below 2^57 in between: never overflows
