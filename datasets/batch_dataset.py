"""What all datasets have in common: rows by number, whole batches, and a loader."""

import operator
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.data import Dataset

    from shardmill.datasets.gather.row_reader import Reader
    from shardmill.datasets.loader import Loader
    from shardmill.datasets.order.row_order import RowOrder

    _MapStyle = Dataset[Any]
else:
    # torch asks of a map-style dataset what it can do, not what it is. Not to be torch's Dataset
    # lets facts and numpy arrays be had without the second and more that importing torch takes.
    _MapStyle = object

Shuffle = bool | Literal["blocks"]
Weights = Any  # a tensor or sequence of numbers, "balanced" or None; torch is not imported yet


class BatchDataset(_MapStyle):
    """A map-style dataset for torch; torch itself is imported when the first row is read.

    `ds[i]` is one row: `(x, y)`, or `x` where there is no target. Slices, lists and index tensors
    give a batch, gathered at once: `(x, y)` with a leading batch dimension. Both are fresh copies.
    """

    def _open(self) -> "Reader":
        """Return what gathers the rows."""
        raise NotImplementedError

    def _identity(self) -> str:
        """Return what tells these rows from all others."""
        raise NotImplementedError

    def _terms(self) -> Mapping[str, Any]:
        """Return what datasets must agree in to be joined."""
        raise NotImplementedError

    @cached_property
    def reader(self) -> "Reader":
        """What gathers the rows. Opened by the first read; every process has its own."""
        return self._open()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "reader"}

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        """Return row `index`, an int, or the batch of a slice, list, array or tensor of rows.

        Raises:
            IndexError: a row is out of range.
        """
        from shardmill.datasets.gather.row_numbers import row_numbers

        rows = row_numbers(index, len(self), self)
        return next(self.reader.batches(rows[None])) if rows.ndim else self.reader.one(rows)

    def __getitems__(self, index: Any) -> Any:
        """Return a batch for torch's fetcher; see `shardmill.datasets.gather.collate`."""
        from shardmill.datasets.gather.collate import GatheredRows
        from shardmill.datasets.gather.row_numbers import row_numbers

        rows = row_numbers(index, len(self), self)
        batch = next(self.reader.batches(rows[None]))
        return GatheredRows(batch, self.reader, len(rows))

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows one by one; `loader` is what training wants."""
        return (self[row] for row in range(len(self)))

    def loader(
        self,
        batch_size: int = 256,
        *,
        shuffle: Shuffle = False,
        seed: int = 0,
        drop_last: bool = False,
        weights: Weights = None,
        bucket: bool | int = False,
        rank: int | None = None,
        world_size: int | None = None,
        prefetch: int = 0,
        **options: Any,
    ) -> "Loader":
        """Return a torch DataLoader that gathers whole batches.

        Batches may lie side by side in memory; clone a tensor before it is saved to a file.

        The order of an epoch depends on its number and on the arguments up to `bucket` alone. Every
        rank gets its part of it, and equally many batches. `state_dict()` and `load_state_dict()`
        of the loader resume after any batch, on any number of ranks and workers.

        Args:
            batch_size: rows of a batch, on each rank.
            shuffle: in another order each epoch. "blocks" for data larger than memory: reads whole
                blocks of neighbours, and mixes 64 of them at a time.
            seed: of the order, from 0.
            drop_last: leave out the rows that do not fill a batch on every rank.
            weights: draw rows with replacement in proportion to these [rows], as many as there
                are; "balanced" makes all classes equally likely. Instead of `shuffle`.
            bucket: put texts of similar length into the same batch; still every row once. A
                number is that of the rows that come together, if not batch_size: with batch_size
                times world_size, all ranks have similar lengths in a step.
            rank: of this process; that of `torch.distributed` when an epoch begins, unless told.
            world_size: number of ranks; likewise.
            prefetch: how many batches one thread gathers ahead, while the loop computes.
            options: of `torch.utils.data.DataLoader`. Workers pay only where a transform is heavy.
        """
        from shardmill.datasets.loader import Loader
        from shardmill.datasets.order.epoch_order import EpochOrder

        seed = operator.index(seed)  # of numpy's integers too, which JSON does not take
        if seed < 0:
            raise ValueError(f"seed is from 0 on, not {seed}")
        order = self._row_order(shuffle, weights, seed=seed)
        if bucket:
            order = self._bucketed(order, batch_size if bucket is True else bucket, seed=seed)
        batches = EpochOrder(
            order,
            batch_size,
            rank=rank,
            world_size=world_size,
            drop_last=drop_last,
            data=self._identity(),
        )
        return Loader(self, batches, prefetch=prefetch, **options)

    def _row_order(self, shuffle: Shuffle, weights: Weights, *, seed: int) -> "RowOrder":
        import torch

        from shardmill.datasets.order import row_order

        if weights is not None:
            if shuffle:
                raise ValueError("weights draw the rows at random: leave shuffle out")
            if isinstance(weights, str):
                classes = self._terms().get("classes")
                if weights == "balanced" and not (self.reader.labelled and classes):
                    raise ValueError(f"weights='balanced' needs classes, and {self} has none")
                if weights != "balanced":
                    raise ValueError(
                        f"{weights!r}: weights are numbers, or 'balanced' between classes"
                    )
                weights = row_order.class_weights(self.reader.targets())
            weights = torch.as_tensor(weights)
            if weights.shape != (len(self),):
                shape = list(weights.shape)
                raise ValueError(f"weights are one number a row, [{len(self)}], not {shape}")
            return row_order.Weighted(weights, seed)
        if shuffle == "blocks":
            block_rows = max(row_order.BLOCK_BYTES // max(self.reader.row_bytes, 1), 1)
            return row_order.BlockShuffled(
                len(self), seed, block_rows=block_rows, will_need=self._will_need
            )
        if shuffle not in (True, False):
            raise ValueError(f"shuffle is True, False or 'blocks', not {shuffle!r}")
        return row_order.Shuffled(len(self), seed) if shuffle else row_order.InOrder(len(self))

    def _bucketed(self, order: "RowOrder", rows: int, *, seed: int) -> "RowOrder":
        from shardmill.datasets.order.row_order import Bucketed

        rows = operator.index(rows)
        if rows < 1:
            raise ValueError(f"bucket is a number of rows from 1 on, not {rows}")
        if not self.reader.ragged:
            raise TypeError(f"bucket sorts texts by length, and all rows of {self} have one size")
        return Bucketed(order, self._lengths, bucket_rows=rows, seed=seed)

    # Orders keep these instead of the reader's, which cannot go to another process.

    def _lengths(self, rows: "Tensor") -> "Tensor":
        return self.reader.lengths(rows)

    def _will_need(self, start: int, stop: int) -> None:
        self.reader.will_need(start, stop)
