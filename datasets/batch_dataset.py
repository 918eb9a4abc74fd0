"""What all datasets have in common: rows by number, whole batches, and a loader."""

import operator
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, overload

from shardmill.datasets.item_types import Batch, Row, Rows, Shuffle, Weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor
    from torch.utils.data import Dataset

    from shardmill.datasets.gather.reader import Reader
    from shardmill.datasets.loader import Loader
    from shardmill.datasets.order.node_order import Dealt
    from shardmill.datasets.order.row_order import RowOrder
    from shardmill.datasets.order.weighted_order import ClassWeights

    _MapStyle = Dataset[Any]
else:

    class _MapStyle:
        # torch asks what a map-style dataset can do, not what it is. Without torch's Dataset as
        # base, facts and numpy arrays can be had without importing torch, which takes more than a
        # second.
        pass


class BatchDataset(_MapStyle, Generic[Row, Batch]):
    """A map-style dataset for torch. torch itself is imported when the first row is read.

    `ds[i]` is one row, `(x, y)`. A slice, a list or an index tensor gives a batch, gathered at
    once: `(x, y)` with a leading batch dimension. Both are fresh copies. A split without target
    gives `x` alone; type checkers are told of `(x, y)` all the same. With `names`, rows and batches
    are dicts.
    """

    # The name of each field, if rows are dicts.
    _names: Mapping[str, str] | None = None

    def _open(self) -> "Reader":
        """Return the reader that gathers the rows."""
        raise NotImplementedError

    def _identity(self) -> str:
        """Return a text that tells these rows from all others."""
        raise NotImplementedError

    def _terms(self) -> Mapping[str, Any]:
        """Return what datasets must agree in to be joined."""
        raise NotImplementedError

    @cached_property
    def reader(self) -> "Reader":
        """The reader that gathers the rows. The first read opens it, in every process anew."""
        if self._names is None:
            return self._plain_reader
        from shardmill.datasets.gather.named_reader import NamedReader

        return NamedReader(self._plain_reader, self._names)

    @cached_property
    def _plain_reader(self) -> "Reader":
        # Joined datasets put rows together before they are named.
        from shardmill.datasets.gather.collate import register_collation

        register_collation()
        return self._open()

    def __getstate__(self) -> dict[str, Any]:
        # typing sets `__orig_class__` on what is made by a name such as TabularDataset[Tensor].
        left_out = {"reader", "_plain_reader", "__orig_class__"}
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __len__(self) -> int:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: SupportsIndex) -> Row: ...

    @overload
    def __getitem__(self, index: Rows) -> Batch: ...

    def __getitem__(self, index: Any) -> Any:
        """Return row `index`, an int, or the batch of a slice, list, array or tensor of rows.

        Raises:
            IndexError: A row is out of range.
            TypeError: The index stands for no rows.
        """
        from shardmill.datasets.gather.row_numbers import row_numbers

        rows = row_numbers(index, len(self), self)
        return next(self.reader.batches(rows[None])) if rows.ndim else self.reader.one(rows)

    def __getitems__(self, index: Any) -> Any:
        """Return a batch for torch's fetcher; see `shardmill.datasets.gather.collate`.

        Raises:
            IndexError: A row is out of range.
        """
        from shardmill.datasets.gather.row_numbers import row_numbers

        rows = row_numbers(index, len(self), self)
        reader = self.reader
        return reader.as_rows(next(reader.batches(rows[None])), len(rows))

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows one by one. Training wants `loader`, which gathers whole batches."""
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
        nodes: int | None = None,
        prefetch: int = 0,
        num_workers: int = 0,
        collate_fn: "Callable[[Any], Any] | None" = None,
        pin_memory: bool = False,
        timeout: float = 0,
        worker_init_fn: "Callable[[int], None] | None" = None,
        multiprocessing_context: Any = None,
        generator: "Generator | None" = None,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
    ) -> "Loader[Batch]":
        """Return a torch DataLoader that gathers whole batches.

        The order of an epoch depends on the number of the epoch and on the arguments up to `bucket`
        alone. Every rank gets its part of it, and all ranks have equally many batches. The
        `state_dict()` and `load_state_dict()` of the loader resume after any batch, on any number
        of ranks and workers. Batches may lie side by side in memory, so clone a tensor before you
        save it to a file.

        Args:
            batch_size: How many rows a batch has, on each rank.
            shuffle: Whether to visit the rows in another order each epoch. "blocks" is for data
                larger than memory: it reads whole blocks of neighbours, and mixes 64 at a time.
                "nodes" is for shards on remote storage: it does the same within a share of the
                shards that each node gets anew for each epoch. "shards" is for a cache that is
                smaller than this share: it mixes the rows of 4 shards at a time.
            seed: The seed of the order, from 0.
            drop_last: Whether to leave out the rows that do not fill a batch on every rank.
            weights: Draw as many rows as there are, with replacement, in proportion to these
                weights [rows]; "balanced" makes all classes equally likely. Use it instead of
                `shuffle`. A tensor or array is not copied, and must stay as it is.
            bucket: Whether to put texts of similar length into the same batch; every row still
                comes once. A number says how many rows come together, instead of `batch_size`:
                with `batch_size` times `world_size`, all ranks have similar lengths in a step.
            rank: The rank of this process. Without it, the loader asks `torch.distributed` when an
                epoch begins.
            world_size: The number of ranks; give it together with `rank`.
            nodes: On how many nodes the ranks run, equally many on each, for the shuffles "nodes"
                and "shards". Without it, the launcher's `LOCAL_WORLD_SIZE` is asked when an epoch
                begins.
            prefetch: How many batches a thread gathers ahead, while the loop computes.
            num_workers: How many processes gather; see `torch.utils.data.DataLoader` for this and
                for the options that follow. Workers pay only if a transform is heavy.
            collate_fn: What makes a batch of the gathered rows, in place of the batch itself.
            pin_memory: Whether batches lie in pinned memory, if there is a GPU.
            timeout: How many seconds to wait for a batch of a worker; 0 waits for ever.
            worker_init_fn: A function to call in each worker with its number.
            multiprocessing_context: How workers are started.
            generator: The generator that seeds the workers.
            prefetch_factor: How many batches each worker gathers ahead.
            persistent_workers: Whether workers live on from one epoch to the next.

        Raises:
            ValueError: An argument is out of its range, or arguments exclude each other.
            TypeError: `bucket` is given, and the rows are no texts.

        Example:
            >>> loader = ds.loader(batch_size=256, shuffle=True, seed=0)
            >>> for x, y in loader:
            ...     pass
        """
        from shardmill.datasets.loader import Loader
        from shardmill.datasets.order.epoch_order import EpochOrder

        seed = operator.index(seed)  # numpy's integers become Python's, which JSON takes
        if seed < 0:
            raise ValueError(f"seed is from 0 on, not {seed}")
        order = self._row_order(shuffle, weights, seed=seed, nodes=nodes)
        if bucket:
            order = self._bucketed(order, batch_size if bucket is True else bucket, seed=seed)
        part = {"rank": rank, "world_size": world_size}
        batches = EpochOrder(order, batch_size, drop_last=drop_last, data=self._identity(), **part)
        return Loader(
            self,
            batches,
            prefetch=prefetch,
            num_workers=num_workers,
            collate_fn=collate_fn,
            pin_memory=pin_memory,
            timeout=timeout,
            worker_init_fn=worker_init_fn,
            multiprocessing_context=multiprocessing_context,
            generator=generator,
            prefetch_factor=prefetch_factor,
            persistent_workers=persistent_workers,
        )

    def _row_order(
        self, shuffle: Shuffle, weights: Weights, *, seed: int, nodes: int | None
    ) -> "RowOrder | Dealt":
        from shardmill.datasets.order import row_order
        from shardmill.datasets.order.node_order import Dealt, NodeBlocks
        from shardmill.datasets.order.shard_order import ShardGroups
        from shardmill.datasets.order.weighted_order import Weighted

        if nodes is not None and shuffle not in ("nodes", "shards"):
            raise ValueError("nodes is for shuffle='nodes' and shuffle='shards' alone")
        if weights is not None:
            if shuffle:
                raise ValueError("weights draw the rows at random: leave shuffle out")
            return Weighted(self._row_weights(weights), seed)
        if shuffle in ("blocks", "nodes", "shards"):
            block_rows = max(row_order.BLOCK_BYTES // max(self.reader.row_bytes, 1), 1)
            options: dict[str, Any] = {"block_rows": block_rows, "will_need": self._will_need}
            if shuffle == "blocks":
                return row_order.BlockShuffled(len(self), seed, **options)
            options |= {"seed": seed, "at_shard": shuffle == "shards"}
            deal = NodeBlocks(self.reader.shard_starts, len(self), **options)
            return Dealt(deal.share if shuffle == "nodes" else partial(ShardGroups, deal), nodes)
        if shuffle not in (True, False):
            raise ValueError(
                f"shuffle is True, False, 'blocks', 'nodes' or 'shards', not {shuffle!r}"
            )
        return row_order.Shuffled(len(self), seed) if shuffle else row_order.InOrder(len(self))

    def _row_weights(self, weights: Weights) -> "Tensor | ClassWeights":
        import torch

        from shardmill.datasets.order.weighted_order import class_weights

        if isinstance(weights, str):
            if weights != "balanced":
                raise ValueError(f"{weights!r}: weights are numbers, or 'balanced' between classes")
            classes = self._terms().get("classes") if self.reader.labelled else None
            rows, targets = len(self), self.reader.targets
            if not classes or targets(0, min(rows, 1)).ndim > 1:
                raise ValueError(f"weights='balanced' needs rows of one class, unlike {self}")
            self.reader.bring()  # several shards at a time
            return class_weights(targets, rows, classes=len(classes), of=self)
        weights = torch.as_tensor(weights, device="cpu")
        if weights.shape != (len(self),):
            shape = list(weights.shape)
            raise ValueError(f"weights are one number a row, [{len(self)}], not {shape}")
        return weights

    def _bucketed(self, order: "RowOrder | Dealt", rows: int, *, seed: int) -> "RowOrder | Dealt":
        from shardmill.datasets.order.node_order import Dealt, bucketed_shares
        from shardmill.datasets.order.row_order import Bucketed

        rows = operator.index(rows)
        if rows < 1:
            raise ValueError(f"bucket is a number of rows from 1 on, not {rows}")
        if self.reader.stack is None:
            raise TypeError(f"bucket sorts texts by length, and all rows of {self} have one size")
        if isinstance(order, Dealt):
            return bucketed_shares(order, self._lengths, bucket_rows=rows, seed=seed)
        return Bucketed(order, self._lengths, bucket_rows=rows, seed=seed)

    # Orders keep these methods, not those of the reader, which cannot go to another process.

    def _lengths(self, rows: "Tensor") -> "Tensor":
        return self.reader.lengths(rows)

    def _will_need(self, start: int, stop: int) -> None:
        self.reader.will_need(start, stop)
