"""Batches of texts, as `Bag`."""

from collections.abc import Sequence

import torch

from shardmill import Bag


def bag_of(texts: Sequence[Sequence[int]]) -> Bag:
    lengths = torch.tensor([len(text) for text in texts], dtype=torch.int64)
    ids = torch.tensor([token for text in texts for token in text], dtype=torch.int32)
    return Bag(ids, lengths.cumsum(0) - lengths)
