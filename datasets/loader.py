"""The DataLoader of a dataset: gathers many batches at once, and resumes anywhere."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data._utils.pin_memory import pin_memory

from shardmill.datasets.gather.collate import whole_batch
from shardmill.datasets.gather.reader import Reader
from shardmill.datasets.item_types import Batch
from shardmill.datasets.order.epoch_order import EpochOrder
from shardmill.datasets.order.place import Progress

# The reader is asked for at most so much at a time. It gathers each batch when it is wanted.
GROUP_BATCHES = 32
GROUP_ROWS = 2**16


class Loader(DataLoader[Any], Generic[Batch]):
    """A torch DataLoader over whole batches.

    Without workers it gathers the batches itself; with workers, torch's iterator does.
    `state_dict` says after which batch the loop is, and `load_state_dict` makes the next iteration
    go on from there, on any number of ranks and workers.

    Args:
        dataset: A dataset of this package.
        batch_sampler: An `EpochOrder`. With any other sampler, this is torch's DataLoader and no
            more.
        prefetch: How many batches a thread gathers ahead; 0 for none.
        options: The options of `torch.utils.data.DataLoader`.

    Raises:
        ValueError: `prefetch` is negative or given together with workers, or batches may come out
            of order.
    """

    def __init__(
        self, dataset: Any, batch_sampler: Any, *, prefetch: int = 0, **options: Any
    ) -> None:
        if prefetch < 0 or (prefetch and options.get("num_workers")):
            raise ValueError(
                f"prefetch is a number of batches from 0 on, not {prefetch}, for loaders without "
                "workers; those have torch's prefetch_factor"
            )
        if not options.get("in_order", True):
            raise ValueError(
                "batches come in order: a place in the epoch is all that is resumed from"
            )
        if options.get("collate_fn") is None:
            options["collate_fn"] = whole_batch
        self.prefetch = prefetch
        self._progress: Progress | None = None
        super().__init__(dataset, batch_sampler=batch_sampler, **options)

    @property
    def _is_accelerate_prepared(self) -> bool:
        # Hugging Face Accelerate leaves a loader with this mark as it is. Otherwise it would divide
        # the part of one rank among all ranks, and read ahead of the state.
        return isinstance(self.batch_sampler, EpochOrder)

    @_is_accelerate_prepared.setter
    def _is_accelerate_prepared(self, prepared: bool) -> None:
        pass  # set by Accelerate on what it returns

    def state_dict(self) -> dict[str, Any]:
        """Return the place after the last batch that the loop was given."""
        return self._order().state_dict(self._progress)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Make the next iteration go on where `state` was taken.

        Raises:
            ValueError: The state was taken of another order or of other data.
        """
        self._order().load_state_dict(state)
        self._progress = None

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration the epoch of this number, from 0.

        An epoch that was resumed in its middle goes on there.

        Raises:
            ValueError: The number is negative.
        """
        self._order().set_epoch(epoch)
        self._progress = None

    def _order(self) -> EpochOrder:
        if not isinstance(self.batch_sampler, EpochOrder):
            raise TypeError(f"the state of a {type(self.batch_sampler).__name__} is not known here")
        return self.batch_sampler

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        order = self.batch_sampler
        if not isinstance(order, EpochOrder):
            yield from super().__iter__()
            return
        self._reader().expect(order.access)
        # Forked processes cannot bring shards. Others do not know which ones come next in order,
        # while all other orders are drawn in this process, which has the next ones come ahead.
        if self.num_workers and (order.access == "sequential" or self._forks()):
            self._reader().bring()
        progress = self._progress = Progress(order.next_place)
        for batches in [self._of_workers()] if self.num_workers else self._groups(order):
            for batch in batches:
                progress.batches += 1
                yield batch
        self._progress = None

    @property
    def _index_sampler(self) -> Any:
        # torch's iterators ask for this. A tensor would go to a worker as a file of shared memory,
        # which takes longer than the bytes of an array.
        order = self.batch_sampler
        return _AsArrays(order) if self.num_workers and isinstance(order, EpochOrder) else order

    def _reader(self) -> Reader:
        reader: Reader = self.dataset.reader  # type: ignore[attr-defined]
        return reader

    def _forks(self) -> bool:
        context = self.multiprocessing_context or multiprocessing.get_context()
        return bool(context.get_start_method() == "fork")

    def _of_workers(self) -> Iterator[Any]:
        lasting = getattr(self._iterator, "_workers", ())
        if not all(worker.is_alive() for worker in lasting):
            self._iterator = None  # with a dead worker, all epochs to come would fail
        return super().__iter__()

    def _groups(self, order: EpochOrder) -> Iterator[Iterable[Any]]:
        if not self.prefetch:
            at_once = max(min(GROUP_BATCHES, GROUP_ROWS // order.batch_size), 1)
            yield from map(self._batches, order.groups(order.begin(), at_once))
            return
        with ThreadPoolExecutor(max_workers=1) as thread:
            pending: deque[Future[list[Any]]] = deque()
            for rows in order.groups(order.begin(), 1):
                pending.append(thread.submit(list, self._batches(rows)))
                if len(pending) > self.prefetch:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _batches(self, rows: Tensor) -> Iterator[Any]:
        reader = self._reader()
        batches = reader.batches(rows)
        if self.collate_fn is not whole_batch:
            collate: Callable[[Any], Any] = self.collate_fn
            batches = (collate(reader.as_rows(batch, rows.shape[1])) for batch in batches)
        if self.pin_memory and torch.cuda.is_available():
            batches = map(pin_memory, batches)
        return batches


class _AsArrays:
    """The batches of an order as numpy arrays."""

    def __init__(self, order: EpochOrder) -> None:
        self._order = order

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Any]:
        return (rows.numpy() for rows in self._order)
