"""Turns texts into features with a small Transformer encoder."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from shardmill.format.batch import Bag
from shardmill.training.models.texts_of_row import row_features, row_width


class TextTransformer(nn.Module):
    """A small Transformer encoder (Vaswani et al. 2017), normalised before each layer.

    A text becomes the mean of its tokens. A text without tokens becomes zero.

    Args:
        tokens: The size of the vocabulary.
        width: How many numbers an embedding has, and how many features it returns for a text. It
            is a multiple of `heads`.
        depth: How many layers there are.
        heads: How many attention heads a layer has.
        max_tokens: How many tokens of a text are seen.
        word_dropout: The share of tokens that are left out of a text in training.
        dropout: The share of numbers that are dropped in layers and embeddings in training.
        groups: The names of the texts of a row if there are several; see `row_features`.
    """

    def __init__(
        self,
        tokens: int,
        *,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        max_tokens: int = 128,
        word_dropout: float = 0.5,
        dropout: float = 0.1,
        groups: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.groups = groups
        self.width: int = row_width(width, groups)
        self.max_tokens = max_tokens
        self.word_dropout = word_dropout
        self.embedding: nn.Embedding = nn.Embedding(tokens, width)
        self.positions: nn.Embedding = nn.Embedding(max_tokens, width)
        for embedding in (self.embedding, self.positions):
            nn.init.normal_(embedding.weight, std=0.02)
        self.dropout: nn.Dropout = nn.Dropout(dropout)
        self.blocks: nn.ModuleList = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.norm: nn.LayerNorm = nn.LayerNorm(width)

    def forward(self, x: Bag | Mapping[str, Bag]) -> Tensor:
        """Return features [b, `row_width`] of a text of each row, or of several by group."""
        return row_features(x, self.groups, self._features)

    def _features(self, x: Bag) -> Tensor:
        if not x.offsets.shape[0]:
            # Attention takes no empty batch.
            return self.embedding.weight.new_zeros(0, self.embedding.embedding_dim)
        ids, lengths = self._padded(x)
        positions = torch.arange(ids.shape[1], device=ids.device)
        real = positions < lengths[:, None]
        if self.training and self.word_dropout:
            real = real & (torch.rand(real.shape, device=real.device) >= self.word_dropout)
        # The first token is always seen, since attention to nothing would give no number.
        hidden = ~real & (positions > 0)
        found = self.dropout(self.embedding(ids) + self.positions(positions))  # [b, longest, width]
        for block in self.blocks:
            found = block(found, src_key_padding_mask=hidden)
        weights = real.to(found.dtype)[:, :, None]
        features: Tensor = (self.norm(found) * weights).sum(1) / weights.sum(1).clamp(min=1)
        return features

    def _padded(self, x: Bag) -> tuple[Tensor, Tensor]:
        """Return ids [b, longest] of texts that are cut, 0 past their ends, and lengths [b]."""
        ids, offsets = x.ids.long(), x.offsets
        whole = torch.diff(offsets, append=offsets.new_full((1,), ids.shape[0]))
        lengths = whole.clamp(max=self.max_tokens)
        # torch compiles and exports no shapes that depend on values.
        fixed = torch.compiler.is_compiling()
        longest = self.max_tokens if fixed else max(int(lengths.max()), 1)
        positions = torch.arange(longest, device=ids.device)
        # The place of each token in `ids`. Places past the end of a text point to one more id,
        # which is put at the end.
        end = ids.new_full((), ids.shape[0])
        places = torch.where(positions < lengths[:, None], offsets[:, None] + positions, end)
        return torch.cat([ids, ids.new_zeros(1)])[places], lengths
