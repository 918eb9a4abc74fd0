"""Lets any torch DataLoader take whole batches, which are gathered at once, not row by row.

torch's fetcher calls `dataset.__getitems__(rows)` and gives what it returns to `collate_fn`. Ours
is a `GatheredRows`: a sequence of rows for a `collate_fn` of the user's, and the batch itself for
`default_collate`, which looks up the type of the first row in `default_collate_fn_map` (the
extension point that its documentation names).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from torch.utils.data._utils.collate import collate, default_collate_fn_map


class Row(tuple[Any, ...]):
    """One row `(x, y)`: a tuple whose type tells `default_collate` where it comes from."""

    __slots__ = ()


class GatheredRows(Sequence[Any]):
    """The rows of a batch, and the batch."""

    def __init__(self, batch: Any, rows: Sequence[Any]) -> None:
        self.batch = batch
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)


class GatheredTensors(list[Any]):
    """The same for rows that are tensors, which `default_collate` stacks from a list alone."""

    def __init__(self, batch: Any, rows: Sequence[Any]) -> None:
        super().__init__(rows)
        self.batch = batch


def whole_batch(rows: GatheredRows | GatheredTensors) -> Any:
    """Return the batch: the `collate_fn` of `loader`."""
    return rows.batch


def _collate_rows(batch: Sequence[Row], *, collate_fn_map: Any = None) -> Any:
    if isinstance(batch, GatheredRows):
        return batch.batch
    return tuple(
        collate(list(column), collate_fn_map=collate_fn_map) for column in zip(*batch, strict=True)
    )


default_collate_fn_map[Row] = _collate_rows
