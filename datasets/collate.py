"""Lets any torch DataLoader take whole batches, which are gathered at once, not row by row.

torch's fetcher calls `dataset.__getitems__(rows)` and gives what it returns to `collate_fn`. Ours
is a `GatheredRows`: a sequence of rows for a `collate_fn` of the user's, and the batch itself for
`default_collate`, which looks up the type of the first row in `default_collate_fn_map` (the
extension point that its documentation names).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils.data._utils.collate import collate, default_collate_fn_map

if TYPE_CHECKING:
    from shardmill.datasets.row_reader import Reader


class Row(tuple[Any, ...]):
    """One row `(x, y)`: a tuple whose type tells `default_collate` where it comes from.

    Attributes:
        stack: puts `x` of several rows together where they differ in length; None where they do
            not, and torch can.
    """

    stack: Callable[[Sequence[Tensor]], Any] | None = None


class GatheredRows(Sequence[Any]):
    """The batch, and its rows, made when they are asked for."""

    def __init__(self, batch: Any, reader: "Reader") -> None:
        self.batch = batch
        self._reader = reader

    def __len__(self) -> int:
        return self._reader.length(self.batch[0] if self._reader.labelled else self.batch)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        if not self._reader.labelled:
            return self._reader.cut(self.batch, index)
        x, y = self.batch
        return self._reader.row(self._reader.cut(x, index), y[index])


class GatheredTensors(list[Any]):
    """The same for rows that are tensors, which `default_collate` stacks from a list alone."""

    def __init__(self, rows: GatheredRows) -> None:
        super().__init__(rows)
        self.batch = rows.batch


def gathered(batch: Any, reader: "Reader") -> GatheredRows | GatheredTensors:
    """Return a batch as torch's fetcher may take it."""
    rows = GatheredRows(batch, reader)
    return rows if reader.labelled else GatheredTensors(rows)


def whole_batch(rows: GatheredRows | GatheredTensors) -> Any:
    """Return the batch: the `collate_fn` of `loader`."""
    return rows.batch


def _collate_rows(batch: Sequence[Row], *, collate_fn_map: Any = None) -> Any:
    if isinstance(batch, GatheredRows):
        return batch.batch
    xs, ys = ([row[at] for row in batch] for at in (0, 1))
    stack = batch[0].stack
    if stack is not None and all(isinstance(x, Tensor) and x.ndim == 1 for x in xs):
        return stack(xs), collate(ys, collate_fn_map=collate_fn_map)
    return tuple(collate(column, collate_fn_map=collate_fn_map) for column in (xs, ys))


default_collate_fn_map[Row] = _collate_rows
