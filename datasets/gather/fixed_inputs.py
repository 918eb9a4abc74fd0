"""Gathers inputs of a fixed size, one tensor."""

from collections.abc import Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import MappedSplit
from shardmill.datasets.gather.tensor_rows import gathered, open_column, unbound
from shardmill.datasets.gather.text_stack import TextStack

# One call gathers this much: less, and small batches cost more in calls than in memory; more, and
# it does not stay in a core's own cache until it is used.
GATHER_BYTES = 2**18


class FixedInputs:
    """Inputs of one tensor: `x` [b, *shape] in the dtype of the file.

    Args:
        split: The mapped split.
        name: The name of the field.
        kept: The columns of `x` that are kept, of rows [f]; None for all.
    """

    stack: TextStack | None = None

    def __init__(
        self, split: MappedSplit, name: str = "x", *, kept: Sequence[int] | None = None
    ) -> None:
        self._column = open_column(split, name)
        self._kept = None if kept is None else torch.tensor(kept, device="cpu")

    def batches(self, rows: Tensor) -> Iterator[Tensor]:
        """Yield the `x` of each batch of `rows` [n, b]."""
        xs = self._whole(rows)  # [b, *shape] each
        kept = self._kept
        return xs if kept is None else (x.index_select(1, kept) for x in xs)

    def _whole(self, rows: Tensor) -> Iterator[Tensor]:
        column = self._column
        at_once = GATHER_BYTES // max(column.source.row_bytes * rows.shape[1], 1)
        if at_once < 2:
            return map(column.gather, rows.unbind())
        return chain.from_iterable(
            unbound(gathered(column, part))
            for part in rows.split_with_sizes(
                [min(at_once, len(rows) - first) for first in range(0, len(rows), at_once)]
            )
        )

    def lengths(self, rows: Tensor) -> Tensor:  # noqa: ARG002  there are none
        """Refuse.

        Raises:
            TypeError: All rows have one size.
        """
        raise TypeError("rows of fixed size have no lengths; only texts do")
