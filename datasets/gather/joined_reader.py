"""Gathers batches from several datasets whose rows follow one another."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.gather.row_reader import Reader


class JoinedReader:
    """The rows of several readers, one reader's after another's.

    Args:
        readers: of rows of the same kind; the first one says how rows are put together.
    """

    def __init__(self, readers: Sequence[Reader]) -> None:
        self._readers = readers
        self._starts = [0, *accumulate(reader.rows for reader in readers)]
        self._ends = torch.tensor(self._starts[1:])
        self.rows = self._starts[-1]
        self.labelled = readers[0].labelled
        self.ragged = readers[0].ragged
        of_all = sum(reader.row_bytes * reader.rows for reader in readers)
        self.row_bytes = of_all // max(self.rows, 1)

    def batches(self, rows: Tensor) -> Iterator[Any]:
        """See `Reader`."""
        return map(self._batch, rows.unbind())

    def _batch(self, rows: Tensor) -> Any:
        parts, order = [], []
        for at, mine in self._by_reader(rows):
            inside = rows[mine] - self._starts[at]
            parts.append(next(self._readers[at].batches(inside[None])))
            order.append(mine)
        if len(parts) == 1:
            return parts[0]
        # Where each row of the batch is in the parts, put one after another.
        places = torch.argsort(torch.cat(order))
        if not self.labelled:
            return self.join(parts, places)
        xs, ys = zip(*parts, strict=True)
        return self.join(xs, places), _joined_targets(ys, places)

    def _by_reader(self, rows: Tensor) -> Iterator[tuple[int, Tensor]]:
        # The readers that rows [b] are of, and which of the rows those are. Of no rows: the first.
        members = torch.searchsorted(self._ends, rows, right=True)
        for at in torch.unique(members).tolist() or [0]:
            yield at, torch.nonzero(members == at).squeeze(1)

    def one(self, row: Tensor) -> Any:
        """See `Reader`."""
        at = int(torch.searchsorted(self._ends, row, right=True))
        return self._readers[at].one(row - self._starts[at])

    def join(self, xs: Sequence[Any], places: Tensor) -> Any:
        """See `Reader`."""
        return self._readers[0].join(xs, places)

    def cut(self, x: Any, index: int) -> Any:
        """See `Reader`."""
        return self._readers[0].cut(x, index)

    def row(self, x: Any, y: Any) -> Any:
        """See `Reader`."""
        return self._readers[0].row(x, y)

    def targets(self) -> Any:
        """See `Reader`."""
        targets = [reader.targets() for reader in self._readers]
        return _joined_targets(targets, torch.arange(self.rows))

    def lengths(self, rows: Tensor) -> Tensor:
        """See `Reader`."""
        lengths = torch.empty_like(rows)
        for at, mine in self._by_reader(rows):
            lengths[mine] = self._readers[at].lengths(rows[mine] - self._starts[at])
        return lengths

    def expect(self, access: Access) -> None:
        """See `Reader`."""
        for reader in self._readers:
            reader.expect(access)

    def will_need(self, start: int, stop: int) -> None:
        """See `Reader`."""
        for reader, first in zip(self._readers, self._starts, strict=False):
            inside = max(start - first, 0), min(stop - first, reader.rows)
            if inside[0] < inside[1]:
                reader.will_need(*inside)


def _joined_targets(ys: Sequence[Any], places: Tensor) -> Any:
    if all(isinstance(y, Mapping) for y in ys):
        return {name: _joined_targets([y[name] for y in ys], places) for name in ys[0]}
    if not all(isinstance(y, Tensor) for y in ys):
        kinds = ", ".join(sorted({type(y).__name__ for y in ys}))
        raise TypeError(f"target transforms of joined datasets return tensors, not {kinds}")
    return torch.cat(list(ys))[places]
