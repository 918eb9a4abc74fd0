"""Puts texts of different lengths together."""

from collections.abc import Mapping, Sequence
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
    """Puts rows of ids [length] together as a batch of a layout; see `TextInputs`.

    Attributes:
        layout: The layout.
        padding_id: The id past the end of a row.
        texts: The groups that are texts, if a row is a dict and so is a batch; else none.
    """

    layout: Layout
    padding_id: int
    texts: frozenset[str] = frozenset()

    def takes(self, rows: Sequence[Any]) -> bool:
        """Say whether these are rows of ids, or dicts that have some by the names of `texts`."""
        if self.texts and all(isinstance(row, Mapping) for row in rows):
            return all(_are_texts([row[name] for row in rows]) for name in self.texts & {*rows[0]})
        return _are_texts(rows)

    def __call__(self, rows: Sequence[Any]) -> Any:
        """Return the batch of one row or more."""
        if isinstance(rows[0], Mapping):
            by_name = {name: [row[name] for row in rows] for name in rows[0]}
            return {n: self(v) if n in self.texts else torch.stack(v) for n, v in by_name.items()}
        lengths = torch.tensor([len(row) for row in rows], device="cpu")
        ids = torch.cat(list(rows))
        if self.layout == "padded":
            return pad(ids, lengths, self.padding_id)
        return Bag(ids, row_offsets(lengths)) if self.layout == "bag" else jagged(ids, lengths)


def _are_texts(rows: Sequence[Any]) -> bool:
    return all(isinstance(row, Tensor) and row.ndim == 1 for row in rows)


def jagged(ids: Tensor, lengths: Tensor) -> Tensor:
    """Return rows that follow one another in `ids` as a nested tensor [n, j], torch.jagged."""
    offsets = torch.zeros(len(lengths) + 1, dtype=torch.int64, device="cpu")
    torch.cumsum(lengths, 0, out=offsets[1:])
    return nested_tensor_from_jagged(ids, offsets)
