"""Batches of rows of different lengths."""

from typing import NamedTuple

import torch
from torch import Tensor


class Padded(NamedTuple):
    """Rows filled up to the longest.

    Attributes:
        ids: The ids [batch, longest] in the dtype of the field, and the padding id past the end of
            each row.
        lengths: The length of each row, [batch] int64.
    """

    ids: Tensor
    lengths: Tensor


class Bag(NamedTuple):
    """Rows one after another, as `torch.nn.EmbeddingBag` takes them.

    Attributes:
        ids: The ids of all rows [sum of lengths] in the dtype of the field.
        offsets: Where each row starts in `ids`, [batch] int64.
    """

    ids: Tensor
    offsets: Tensor


def row_offsets(lengths: Tensor) -> Tensor:
    """Return where each row starts if rows of `lengths` [n] int64 follow one another."""
    return torch.cumsum(lengths, 0) - lengths


def pad(ids: Tensor, lengths: Tensor, padding_id: int) -> Padded:
    """Return rows that follow one another in `ids` [sum of lengths] as a padded batch."""
    longest = int(lengths.max()) if len(lengths) else 0
    padded = ids.new_full((len(lengths), longest), padding_id)
    padded[torch.arange(longest, device=lengths.device) < lengths[:, None]] = (
        ids  # [n, longest] in row order
    )
    return Padded(padded, lengths)
