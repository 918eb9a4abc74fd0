"""Turns rows of a table into features."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from shardmill.training.models.text_bag import TextBag


class TabularMlp(nn.Module):
    """A multi-layer perceptron on standardised numbers and embedded categories.

    A number that is NaN counts as the mean. A code that is NaN, or out of its range, has an
    embedding of its own.

    Args:
        mean: The mean of each feature [f] in the train split.
        std: The standard deviation of each feature [f] in the train split.
        codes: The column, the first and the last code [k, 3] of each feature that is a category.
        groups: The names of the tensors of `x` in the order of features, if `x` is a dict.
        width: How wide the first layer is.
        depth: How many layers there are. Each is half as wide as the one before.
        embedding: How many numbers stand for a category at most. k codes get k / 2 numbers.
        dropout: The share of features that are dropped after each layer in training.
        texts: The names of the texts in `x`, each a `Bag`. A bag of words and n-grams makes 64
            numbers of each, which stand beside the others.
        tokens: The size of their vocabulary.

    Attributes:
        width: How many features it returns for a row.
    """

    numbers: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        codes: Sequence[Sequence[int]] = (),
        groups: Sequence[str] = (),
        *,
        width: int = 128,
        depth: int = 2,
        embedding: int = 8,
        dropout: float = 0.5,
        texts: Sequence[str] = (),
        tokens: int = 0,
    ) -> None:
        super().__init__()
        self.groups = groups
        self.texts = texts
        self.words: TextBag | None = TextBag(tokens) if texts else None
        self.codes: list[tuple[int, int, int]] = [
            (column, first, last) for column, first, last in codes
        ]
        embedded = {column for column, _, _ in codes}
        numbers = torch.tensor([n for n in range(len(mean)) if n not in embedded]).long()
        self.register_buffer("numbers", numbers, persistent=False)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32)[numbers])
        spread = torch.tensor(std, dtype=torch.float32)[numbers]
        self.register_buffer("std", torch.where(spread > 0, spread, torch.ones_like(spread)))
        embeddings = [_embedding(last - first + 1, embedding) for _, first, last in self.codes]
        self.embeddings: nn.ModuleList = nn.ModuleList(embeddings)
        inputs = len(numbers) + sum(e.embedding_dim for e in embeddings)
        inputs += len(texts) * self.words.width if self.words is not None else 0
        widths = [inputs, *(max(width >> n, 1) for n in range(depth))]
        self.width: int = widths[-1]
        self.blocks: nn.Sequential = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Dropout(dropout))
                for a, b in pairwise(widths)
            )
        )

    def forward(self, x: Any) -> Tensor:
        """Return features [b, width] for `x` [b, f] float32, or for a dict.

        The dict has a tensor [b, features] for each group, and a `Bag` for each text.
        """
        rows: Tensor = (
            x if isinstance(x, Tensor) else torch.cat([x[g].float() for g in self.groups], 1)
        )
        numbers = rows.index_select(1, self.numbers).to(self.mean)
        parts = [torch.nan_to_num((numbers - self.mean) / self.std)]
        for (column, first, last), embedding in zip(self.codes, self.embeddings, strict=True):
            code = rows[:, column]
            known = (code >= first) & (code <= last)  # False for NaN
            parts.append(embedding(torch.where(known, code - (first - 1), 0.0).long()))
        if self.words is not None:
            parts += [self.words(x[name]) for name in self.texts]
        features: Tensor = self.blocks(torch.cat(parts, 1))
        return features


def _embedding(codes: int, most: int) -> nn.Embedding:
    # Row 0 is for values that are no code. It stays at zero if the train split has none.
    embedding = nn.Embedding(codes + 1, min(most, (codes + 1) // 2))
    nn.init.zeros_(embedding.weight[0])
    return embedding
