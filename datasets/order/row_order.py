"""The orders in which an epoch visits the rows. Each is a function of `(seed, epoch)` alone.

Orders are made chunk by chunk, so that memory stays bounded however many rows there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.order.one_thread import one_thread
from shardmill.datasets.order.permutation import TABLE_ROWS, Permutation, derived_key, generator

CHUNK_ROWS = 65_536
TABLE_CHUNK_ROWS = 16_384  # a chunk of a table is only copied, and so few rows stay in cache
BLOCK_BYTES = 2**20  # a disk reads blocks of this size nearly as fast as a whole file
WINDOW_BLOCKS = 64


class RowOrder(Protocol):
    """The rows of an epoch, one after another."""

    @property
    def rows(self) -> int:
        """How many rows an epoch has."""
        ...

    @property
    def chunk(self) -> int:
        """How many row numbers are made at a time."""
        ...

    @property
    def access(self) -> Access:
        """How the order goes through the files."""
        ...

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        """Return the row numbers from `chunk * self.chunk` on, [self.chunk] int64 or to the end."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch, as values for JSON."""
        ...


class Places:
    """The row numbers at the places of an epoch. It keeps the last chunk that was made."""

    def __init__(self, order: RowOrder) -> None:
        self._order = order
        self._held: tuple[tuple[int, int], Tensor] | None = None  # (epoch, chunk), and its rows

    def between(self, epoch: int, start: int, stop: int) -> Tensor:
        """Return the row numbers from place `start` up to `stop`, [stop - start] int64."""
        parts = []
        while start < stop:
            chunk, first = divmod(start, self._order.chunk)
            last = min(stop - chunk * self._order.chunk, self._order.chunk)
            parts.append(self._chunk((epoch, chunk))[first:last])
            start = chunk * self._order.chunk + last
        if len(parts) == 1:
            return parts[0]
        # numpy, since torch's threads copy many rows slowly while other processes use the cores.
        none = np.zeros(0, np.int64)
        return torch.from_numpy(np.concatenate([none, *(part.numpy() for part in parts)]))

    def _chunk(self, key: tuple[int, int]) -> Tensor:
        if self._held is None or self._held[0] != key:
            with one_thread():
                self._held = (key, self._order.numbers(*key))
        return self._held[1]


@dataclass(frozen=True, slots=True)
class InOrder:
    """The rows as they are stored."""

    rows: int
    chunk: int = CHUNK_ROWS
    access: Access = "sequential"

    def numbers(self, epoch: int, chunk: int) -> Tensor:  # noqa: ARG002  every epoch is the same
        """Return the row numbers of a chunk of an epoch."""
        return torch.arange(
            chunk * self.chunk, min((chunk + 1) * self.chunk, self.rows), device="cpu"
        )

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch."""
        return {"order": "stored", "rows": self.rows}


class Shuffled:
    """Every row once, in an order drawn from all orders."""

    access: Access = "random"

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.chunk = CHUNK_ROWS if rows > TABLE_ROWS else TABLE_CHUNK_ROWS
        self._seed = seed
        self._held: tuple[int, Permutation] | None = None

    def _permutation(self, epoch: int) -> Permutation:
        if self._held is None or self._held[0] != epoch:
            self._held = (epoch, Permutation(self.rows, self._seed, "rows", epoch))
        return self._held[1]

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        """Return the row numbers of a chunk of an epoch."""
        stop = min((chunk + 1) * self.chunk, self.rows)
        return self._permutation(epoch).between(chunk * self.chunk, stop)

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch."""
        return {"order": "shuffled", "rows": self.rows, "seed": self._seed}


class BlockShuffled:
    """Every row once: blocks of neighbours in a random order, mixed within a window of blocks.

    This is for files larger than memory: they are read in whole blocks, never row by row. In each
    epoch the blocks begin at another row, so that other rows meet.

    Args:
        rows: How many rows an epoch has.
        seed: The seed of the order.
        block_rows: How many neighbours are read together.
        will_need: A function that is told of rows [start, stop) some time before they are read.
    """

    access: Access = "blocks"

    def __init__(
        self,
        rows: int,
        seed: int,
        *,
        block_rows: int,
        will_need: Callable[[int, int], None],
    ) -> None:
        self.rows = rows
        self.chunk: int = block_rows * WINDOW_BLOCKS
        self._seed = seed
        self._block_rows = block_rows
        self._will_need = will_need
        self._held: tuple[int, Permutation] | None = None

    def _blocks(self, epoch: int) -> Permutation:
        # The last block may be short. It stays last, so that every window before it is full.
        if self._held is None or self._held[0] != epoch:
            blocks = Permutation(self.rows // self._block_rows, self._seed, "blocks", epoch)
            self._held = (epoch, blocks)
        return self._held[1]

    def _first_row(self, epoch: int) -> int:
        return derived_key(self._seed, "first row", epoch) % max(self.rows, 1)

    def _window(self, epoch: int, chunk: int) -> npt.NDArray[np.int64]:
        # Returns the first place of each block of a window, counted from the epoch's first row.
        blocks = self._blocks(epoch)
        start = chunk * WINDOW_BLOCKS
        firsts = blocks.between(start, min(start + WINDOW_BLOCKS, blocks.n)).numpy()
        firsts *= self._block_rows
        short = blocks.n * self._block_rows
        if start <= blocks.n < start + WINDOW_BLOCKS and short < self.rows:
            firsts = np.append(firsts, short)
        return firsts

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        """Return the row numbers of a chunk of an epoch."""
        first_row = self._first_row(epoch)
        for window in (chunk, chunk + 1):
            for start in self._window(epoch, window).tolist():
                self._announce(start + first_row)
        firsts = (self._window(epoch, chunk) + first_row) % self.rows
        rows = (firsts[:, None] + np.arange(self._block_rows)).reshape(-1)
        rows = rows[: self.rows - chunk * self.chunk]  # the last block may be short
        rows[rows >= self.rows] -= self.rows
        return mixed_rows(rows, self._seed, "mix", epoch, chunk)

    def _announce(self, start: int) -> None:
        start %= self.rows
        stop = start + min(self._block_rows, self.rows)
        self._will_need(start, min(stop, self.rows))
        if stop > self.rows:
            self._will_need(0, stop - self.rows)

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch."""
        facts = {"order": "blocks", "rows": self.rows, "seed": self._seed}
        return facts | {"block_rows": self._block_rows}


def mixed_rows(rows: npt.NDArray[np.int64], seed: int, *path: int | str) -> Tensor:
    """Return `rows` [b] in an order that is a function of `seed` and `path`, [b] int64."""
    # Numbers of four bytes take two thirds of the time of numbers of eight.
    source = generator(seed, *path)
    mixed = torch.randperm(len(rows), generator=source, dtype=torch.int32, device="cpu")
    return torch.from_numpy(rows).index_select(0, mixed)


class Bucketed:
    """Another order, changed such that rows of similar length come together.

    The rows of a pool of `POOL_BUCKETS` buckets are sorted by length and cut into buckets, and the
    buckets are put in a random order. Every row comes as often as in the other order.

    Args:
        order: The other order.
        lengths: A function that returns the lengths [b] int64 of rows [b].
        bucket_rows: How many rows a bucket has.
        seed: The seed of the order of buckets.
    """

    POOL_BUCKETS = 64

    def __init__(
        self, order: RowOrder, lengths: Callable[[Tensor], Tensor], *, bucket_rows: int, seed: int
    ) -> None:
        self.rows: int = order.rows
        self.chunk: int = bucket_rows * self.POOL_BUCKETS
        self.access = order.access
        self._order = order
        self._places = Places(order)
        self._lengths = lengths
        self._bucket_rows = bucket_rows
        self._seed = seed

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        """Return the row numbers of a chunk of an epoch."""
        start = chunk * self.chunk
        pool = self._places.between(epoch, start, min(start + self.chunk, self.rows))
        pool = pool[torch.argsort(self._lengths(pool), stable=True)]
        # A bucket that is not full stays last, so that the others stay whole batches.
        full = len(pool) // self._bucket_rows
        source = generator(self._seed, "buckets", epoch, chunk)
        mixed = torch.randperm(full, generator=source, device="cpu")
        whole = pool[: full * self._bucket_rows].view(full, self._bucket_rows)[mixed]
        return torch.cat([whole.view(-1), pool[full * self._bucket_rows :]])

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch."""
        facts = {"bucket_rows": self._bucket_rows, "bucket_seed": self._seed}
        return {**self._order.facts(), **facts}
