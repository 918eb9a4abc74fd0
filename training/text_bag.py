"""Features of a text, as a bag of words and bigrams."""

import torch
from torch import Tensor, nn

from shardmill import Bag


class TextBag(nn.Module):
    """A bag of words and hashed bigrams, as fastText has it (Joulin et al. 2016).

    A text is the sum of its embeddings over the square root of their number.

    Args:
        tokens: size of the vocabulary.
        width: of an embedding, and of what it returns.
        buckets: rows of the table that all bigrams share.
    """

    def __init__(self, tokens: int, *, width: int = 64, buckets: int = 65_536) -> None:
        super().__init__()
        self.tokens = tokens
        self.width = width
        self.buckets = buckets
        self.dropout = nn.Dropout(0.5)  # of words and bigrams, in training
        self.feature_dropout = nn.Dropout(0.3)
        self.embedding = nn.EmbeddingBag(tokens + buckets, width, mode="sum")
        nn.init.normal_(self.embedding.weight, std=0.01)

    def forward(self, x: Bag) -> Tensor:
        """Return features [b, width]."""
        ids, offsets = x.ids.long(), x.offsets
        lengths = torch.diff(offsets, append=offsets.new_full((1,), ids.shape[0]))
        # Each word stands before the bigram that it begins: [n] -> [n, 2] -> [2 n].
        bigrams, begins = self._bigrams(ids, offsets)
        entries = torch.stack([ids, bigrams], dim=1).view(-1)
        weights = torch.stack([torch.ones_like(begins), begins], dim=1).view(-1)
        summed = self.embedding(entries, offsets * 2, per_sample_weights=self.dropout(weights))
        count = (2 * lengths - 1).clamp(min=1)
        features: Tensor = self.feature_dropout(summed / count.sqrt()[:, None])
        return features

    def _bigrams(self, ids: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the table row of the bigram that begins at each word, and 1.0 where there is one.

        The last word of a text begins none.
        """
        following = torch.roll(ids, -1)
        begins = torch.ones(ids.shape[0], device=ids.device)
        if ids.shape[0]:
            begins[offsets - 1] = 0.0  # the word before each text's first; -1 is the very last
        # Multiplicative hashing (Knuth, TAOCP 3, 6.4) of the pair.
        hashed = (ids * 0x9E3779B1 + following * 0x85EBCA6B) >> 7
        return self.tokens + hashed % self.buckets, begins
