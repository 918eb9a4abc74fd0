"""Puts texts of different lengths together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shardmill.datasets.item_types import Layout
from shardmill.format.batch import Bag, pad, row_offsets

try:
    from torch.nested import nested_tensor_from_jagged
except ImportError:  # torch 2.3 has it by another name, and without types
    from torch.nested._internal.nested_tensor import (  # type: ignore[assignment]
        nested_view_from_values_offsets as nested_tensor_from_jagged,
    )


@dataclass(frozen=True, slots=True)
class TextStack:
    """Puts rows of ids [length] together as a batch of a layout; see `TextInputs`."""

    layout: Layout
    padding_id: int

    def __call__(self, rows: Sequence[Tensor]) -> Any:
        """Return the batch of one row or more."""
        lengths = torch.tensor([len(row) for row in rows], device="cpu")
        ids = torch.cat(list(rows))
        if self.layout == "padded":
            return pad(ids, lengths, self.padding_id)
        return Bag(ids, row_offsets(lengths)) if self.layout == "bag" else jagged(ids, lengths)


def jagged(ids: Tensor, lengths: Tensor) -> Tensor:
    """Return rows that follow one another in `ids` as a nested tensor [n, j], torch.jagged."""
    offsets = torch.zeros(len(lengths) + 1, dtype=torch.int64, device="cpu")
    torch.cumsum(lengths, 0, out=offsets[1:])
    return nested_tensor_from_jagged(ids, offsets)
