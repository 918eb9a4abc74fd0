"""Lets any torch DataLoader take whole batches, which are gathered at once, not row by row.

torch's fetcher calls `dataset.__getitems__(rows)` and gives what it returns to `collate_fn`. Ours
is a `GatheredRows`: a sequence of rows for a `collate_fn` of the user's, and the batch itself for
`default_collate`. That looks up the type of the first row in `default_collate_fn_map`, the
extension point that its documentation names.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.data._utils.collate import collate, default_collate_fn_map

from shardmill.datasets.gather.batch_rows import cut_row
from shardmill.datasets.gather.text_stack import TextStack


class Row(tuple[Any, ...]):
    """One row `(x, y)`: a tuple whose type tells `default_collate` where it comes from.

    Attributes:
        stack: Puts the `x` of several rows together if they differ in length. It is None if they
            do not, so that torch can.
    """

    stack: TextStack | None = None


class UnlabelledRow(Tensor):
    """One row `x` of a split without target: a tensor that is the same to `default_collate`."""

    stack: TextStack | None = None
    # What is computed from it is an ordinary tensor.
    __torch_function__: ClassVar[Any] = torch._C._disabled_torch_function_impl


class RowOfGroups(dict[str, Tensor]):
    """One row `x` of several tensors, of a split without target."""

    stack: TextStack | None = None


class GatheredRows(Sequence[Any]):
    """A batch as its rows, which are made when they are asked for.

    Args:
        batch: `(x, y)`, or `x` alone if there is no target.
        rows: How many rows it has.
        labelled: Whether there is a target.
        stack: Puts texts of different lengths together; None if all rows have one size.
    """

    def __init__(self, batch: Any, rows: int, *, labelled: bool, stack: TextStack | None) -> None:
        self.batch = batch
        self._rows = rows
        self._labelled = labelled
        self._stack = stack

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        if not self._labelled:
            return as_row(cut_row(self.batch, index), stack=self._stack)
        x, y = self.batch
        return as_row(cut_row(x, index), cut_row(y, index), labelled=True, stack=self._stack)


def as_row(x: Any, y: Any = None, *, labelled: bool = False, stack: TextStack | None) -> Any:
    """Return one row such that `default_collate` knows how to put several together.

    Args:
        x: The input of the row.
        y: Its target.
        labelled: Whether there is a target.
        stack: Puts texts of different lengths together; None if all rows have one size.
    """
    if labelled:
        row = Row((x, y))
        row.stack = stack
        return row
    if isinstance(x, Tensor):
        alone = x.as_subclass(UnlabelledRow)
        alone.stack = stack
        return alone
    if isinstance(x, Mapping):
        of_groups = RowOfGroups(x)
        of_groups.stack = stack
        return of_groups
    return x


def whole_batch(rows: GatheredRows) -> Any:
    """Return the batch: the `collate_fn` of `loader`."""
    return rows.batch


def _collate_rows(batch: Sequence[Row], *, collate_fn_map: Any = None) -> Any:
    if isinstance(batch, GatheredRows):
        return batch.batch
    ys = collate([row[1] for row in batch], collate_fn_map=collate_fn_map)
    return _together([row[0] for row in batch], batch[0].stack, collate_fn_map), ys


def _collate_unlabelled(batch: Sequence[UnlabelledRow], *, collate_fn_map: Any = None) -> Any:
    if isinstance(batch, GatheredRows):
        return batch.batch
    return _together([x.as_subclass(Tensor) for x in batch], batch[0].stack, collate_fn_map)


def _together(xs: Sequence[Any], stack: TextStack | None, collate_fn_map: Any) -> Any:
    if stack is not None and stack.takes(xs):
        return stack(xs)
    return collate(xs, collate_fn_map=collate_fn_map)


def _collate_groups(batch: Sequence[RowOfGroups], *, collate_fn_map: Any = None) -> Any:
    if isinstance(batch, GatheredRows):
        return batch.batch
    return _together([dict(row) for row in batch], batch[0].stack, collate_fn_map)


def register_collation() -> None:
    """Teach torch's `default_collate` the rows of this package, in this process."""
    default_collate_fn_map[RowOfGroups] = _collate_groups
    default_collate_fn_map[Row] = _collate_rows
    default_collate_fn_map[UnlabelledRow] = _collate_unlabelled
