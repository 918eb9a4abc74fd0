"""What a dataset asks of whatever gathers its rows."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from shardmill.datasets.gather.collate import GatheredRows
from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.gather.text_stack import TextStack


class Reader(Protocol):
    """Rows by number, in batches: `(x, y)`, `x` alone where there is no target, or dicts.

    Attributes:
        rows: How many rows there are.
        row_bytes: How many bytes a row takes in the shards, on average.
        labelled: Whether there is a target.
        stack: Puts rows of different lengths together. None if all rows have one size.
        shard_starts: The first row of each shard [s] int64.
    """

    rows: int
    row_bytes: int
    labelled: bool
    stack: TextStack | None
    shard_starts: npt.NDArray[np.int64]

    def batches(self, rows: Tensor) -> Iterator[Any]:
        """Yield n batches, fresh copies of `rows` [n, b] int64."""
        ...

    def one(self, row: Tensor) -> Any:
        """Return one row, of the number `row` [] int64."""
        ...

    def as_rows(self, batch: Any, rows: int) -> GatheredRows:
        """Return a batch of so many rows as its rows, which are made when they are asked for."""
        ...

    def targets(self, start: int, stop: int) -> Any:
        """Return the `y` of rows [start, stop) as [b, ...], or as {target: [b, ...]}."""
        ...

    def lengths(self, rows: Tensor) -> Tensor:
        """Return how many values `x` of `rows` [b] has, [b] int64.

        Raises:
            TypeError: All rows have one size.
        """
        ...

    def expect(self, access: Access) -> None:
        """Tell the system in which way all rows will be read."""
        ...

    def bring(self) -> None:
        """Bring all rows into the cache, if they are elsewhere and it may hold them."""
        ...

    def will_need(self, start: int, stop: int) -> None:
        """Let the system read rows [start, stop) into memory meanwhile."""
        ...
