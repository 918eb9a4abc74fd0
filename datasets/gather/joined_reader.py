"""Gathers batches from several datasets whose rows follow one another."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shardmill.datasets.gather.batch_rows import join_rows
from shardmill.datasets.gather.collate import GatheredRows
from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.gather.reader import Reader
from shardmill.datasets.gather.text_stack import TextStack


class JoinedReader:
    """The rows of several readers, one reader's after another's; see `Reader` for its methods.

    Args:
        readers: One reader or more, of rows of the same kind. The first says how texts are put
            together.
    """

    def __init__(self, readers: Sequence[Reader]) -> None:
        self._readers = readers
        self._starts = [0, *accumulate(reader.rows for reader in readers)]
        self._ends = torch.tensor(self._starts[1:], device="cpu")
        self.rows: int = self._starts[-1]
        self.labelled: bool = readers[0].labelled
        self.stack: TextStack | None = readers[0].stack
        self.shard_starts: npt.NDArray[np.int64] = np.concatenate(
            [
                reader.shard_starts + first
                for reader, first in zip(readers, self._starts, strict=False)
            ]
        )
        of_all = sum(reader.row_bytes * reader.rows for reader in readers)
        self.row_bytes: int = of_all // max(self.rows, 1)

    def batches(self, rows: Tensor) -> Iterator[Any]:
        """Yield n batches of `rows` [n, b]."""
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
            return join_rows(parts, places, self.stack)
        xs, ys = zip(*parts, strict=True)
        return join_rows(xs, places, self.stack), _join_targets(ys, places)

    def _by_reader(self, rows: Tensor) -> Iterator[tuple[int, Tensor]]:
        # Yields each reader that has some of `rows` [b], and which of the rows it has. If there are
        # no rows, it yields the first reader.
        members = torch.searchsorted(self._ends, rows, right=True)
        for at in torch.unique(members).tolist() or [0]:
            yield at, torch.nonzero(members == at).squeeze(1)

    def one(self, row: Tensor) -> Any:
        """Return one row."""
        at = int(torch.searchsorted(self._ends, row, right=True))
        return self._readers[at].one(row - self._starts[at])

    def as_rows(self, batch: Any, rows: int) -> GatheredRows:
        """Return a batch as its rows."""
        return GatheredRows(batch, rows, labelled=self.labelled, stack=self.stack)

    def targets(self, start: int, stop: int) -> Any:
        """Return the `y` of rows [start, stop)."""
        parts = [reader.targets(*inside) for reader, inside in self._within(start, stop)]
        parts = parts or [self._readers[0].targets(0, 0)]
        return _join_targets(parts, torch.arange(stop - start, device="cpu"))

    def lengths(self, rows: Tensor) -> Tensor:
        """Return the lengths of rows."""
        lengths = torch.empty_like(rows)
        for at, mine in self._by_reader(rows):
            lengths[mine] = self._readers[at].lengths(rows[mine] - self._starts[at])
        return lengths

    def expect(self, access: Access) -> None:
        """Tell the system in which way all rows will be read."""
        for reader in self._readers:
            reader.expect(access)

    def bring(self) -> None:
        """Bring all rows into the cache, if they are elsewhere and it may hold them."""
        for reader in self._readers:
            reader.bring()

    def will_need(self, start: int, stop: int) -> None:
        """Let the system read rows into memory."""
        for reader, inside in self._within(start, stop):
            reader.will_need(*inside)

    def _within(self, start: int, stop: int) -> Iterator[tuple[Reader, tuple[int, int]]]:
        # Yields the readers that have some of rows [start, stop), and which of their rows these
        # are.
        for reader, first in zip(self._readers, self._starts, strict=False):
            inside = max(start - first, 0), min(stop - first, reader.rows)
            if inside[0] < inside[1]:
                yield reader, inside


def _join_targets(ys: Sequence[Any], places: Tensor) -> Any:
    return join_rows(ys, places, None, made_by="target transforms")
