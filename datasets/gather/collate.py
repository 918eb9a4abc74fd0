"""Lets any torch DataLoader take whole batches, which are gathered at once, not row by row.

torch's fetcher calls `dataset.__getitems__(rows)` and gives what it returns to `collate_fn`. Ours
is a `GatheredRows`: a sequence of rows for a `collate_fn` of the user's, and the batch itself for
`default_collate`, which looks up the type of the first row in `default_collate_fn_map` (the
extension point that its documentation names).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data._utils.collate import collate, default_collate_fn_map

from shardmill.format.batch import Bag, Padded

if TYPE_CHECKING:
    from shardmill.datasets.gather.row_reader import Reader

Stack = Callable[[Sequence[Tensor]], Any]


class Row(tuple[Any, ...]):
    """One row `(x, y)`: a tuple whose type tells `default_collate` where it comes from.

    Attributes:
        stack: puts `x` of several rows together where they differ in length; None where they do
            not, and torch can.
    """

    stack: Stack | None = None


class UnlabelledRow(Tensor):
    """One row `x` of a split without target: a tensor that is the same to `default_collate`."""

    stack: Stack | None = None
    # What is computed from it is an ordinary tensor.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]


class RowOfGroups(dict[str, Tensor]):
    """One row `x` of several tensors, of a split without target."""


class GatheredRows(Sequence[Any]):
    """The batch, and its rows, made when they are asked for."""

    def __init__(self, batch: Any, reader: "Reader", length: int) -> None:
        self.batch = batch
        self._reader = reader
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        x, y = self.batch if self._reader.labelled else (self.batch, None)
        return self._reader.row(self._cut(x, index), None if y is None else self._cut(y, index))

    def _cut(self, values: Any, index: int) -> Any:
        # Transforms may have made mappings and tuples of them.
        if isinstance(values, Mapping):
            return {name: self._cut(value, index) for name, value in values.items()}
        if isinstance(values, tuple) and not isinstance(values, Padded | Bag):
            return tuple(self._cut(value, index) for value in values)
        return self._reader.cut(values, index)


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


def _together(xs: Sequence[Any], stack: Stack | None, collate_fn_map: Any) -> Any:
    if stack is not None and all(isinstance(x, Tensor) and x.ndim == 1 for x in xs):
        return stack(xs)
    return collate(xs, collate_fn_map=collate_fn_map)


def _collate_groups(batch: Sequence[RowOfGroups], *, collate_fn_map: Any = None) -> Any:
    if isinstance(batch, GatheredRows):
        return batch.batch
    return collate([dict(row) for row in batch], collate_fn_map=collate_fn_map)


default_collate_fn_map[RowOfGroups] = _collate_groups
default_collate_fn_map[Row] = _collate_rows
default_collate_fn_map[UnlabelledRow] = _collate_unlabelled
