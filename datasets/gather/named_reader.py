"""Gathers rows and batches as dicts."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.gather.named_rows import NamedRow, NamedRows, Naming, register_named_rows
from shardmill.datasets.gather.reader import Reader
from shardmill.datasets.gather.text_stack import TextStack


class NamedReader:
    """The rows of another reader, as dicts; see `Reader` for its methods.

    Args:
        reader: The reader, whose rows are `(x, y)`, or `x` alone.
        names: The name of each field.
    """

    def __init__(self, reader: Reader, names: Mapping[str, str]) -> None:
        self.rows: int = reader.rows
        self.row_bytes: int = reader.row_bytes
        self.labelled: bool = reader.labelled
        self.stack: TextStack | None = reader.stack
        self.shard_starts: npt.NDArray[np.int64] = reader.shard_starts
        self._reader = reader
        self._naming = Naming(names, reader.stack)
        register_named_rows()

    def batches(self, rows: Tensor) -> Iterator[dict[str, Any]]:
        """Yield n batches of `rows` [n, b]."""
        name = self._naming.batch
        for batch in self._reader.batches(rows):
            yield name(*batch) if self.labelled else name(batch)

    def one(self, row: Tensor) -> NamedRow:
        """Return one row."""
        found = self._reader.one(row)
        if self.labelled:
            return self._naming.row(*found)
        plain = found.as_subclass(Tensor) if isinstance(found, Tensor) else found
        return self._naming.row(plain)

    def as_rows(self, batch: Any, rows: int) -> NamedRows:
        """Return a batch as its rows."""
        return NamedRows(batch, rows, self._naming)

    def targets(self, start: int, stop: int) -> Any:
        """Return the `y` of all rows.

        Raises:
            TypeError: There is no target.
        """
        return self._reader.targets(start, stop)

    def lengths(self, rows: Tensor) -> Tensor:
        """Return the lengths of rows."""
        return self._reader.lengths(rows)

    def expect(self, access: Access) -> None:
        """Tell the system in which way all rows will be read."""
        self._reader.expect(access)

    def bring(self) -> None:
        """Bring all rows into the cache, if they are elsewhere and it may hold them."""
        self._reader.bring()

    def will_need(self, start: int, stop: int) -> None:
        """Let the system read rows into memory."""
        self._reader.will_need(start, stop)
