"""The DataLoader of a dataset: gathers many batches at once, and resumes anywhere."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data._utils.pin_memory import pin_memory

from shardmill.datasets.gather.collate import GatheredRows, whole_batch
from shardmill.datasets.gather.row_reader import Reader
from shardmill.datasets.order.epoch_order import EpochOrder, Progress

# At most so much is asked of the reader at a time, which gathers it as it is wanted.
GROUP_BATCHES = 32
GROUP_ROWS = 2**16


class Loader(DataLoader[Any]):
    """A torch DataLoader over whole batches.

    Without workers it gathers by itself; with workers it is torch's. `state_dict` says after which
    batch the loop is, and `load_state_dict` makes the next iteration go on from there, on any
    number of ranks and workers.

    Args:
        dataset: a dataset of this package.
        batch_sampler: an `EpochOrder`; with any other, this is torch's DataLoader and no more.
        prefetch: batches that one thread gathers ahead; 0 for none.
        options: of `torch.utils.data.DataLoader`.
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
        options.setdefault("collate_fn", whole_batch)
        self.prefetch = prefetch
        self._progress: Progress | None = None
        super().__init__(dataset, batch_sampler=batch_sampler, **options)

    @property
    def _is_accelerate_prepared(self) -> bool:
        # Hugging Face Accelerate leaves a loader with this mark as it is; otherwise it would divide
        # among ranks what is one rank's part, and read ahead of the state.
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
            ValueError: the state is of another order or of other data.
        """
        self._order().load_state_dict(state)
        self._progress = None

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of `epoch`, from 0; one that was resumed goes on in it."""
        self._order().set_epoch(epoch)
        self._progress = None

    def _order(self) -> EpochOrder:
        if not isinstance(self.batch_sampler, EpochOrder):
            raise TypeError(f"the state of a {type(self.batch_sampler).__name__} is not known here")
        return self.batch_sampler

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        order = self.batch_sampler
        if not isinstance(order, EpochOrder):
            yield from super().__iter__()
            return
        self._reader().expect(order.access)
        progress = self._progress = Progress(order.next_place)
        for batches in [self._of_workers()] if self.num_workers else self._groups(order):
            for batch in batches:
                progress.batches += 1
                yield batch
        self._progress = None

    @property
    def _index_sampler(self) -> Any:
        # What torch's iterators ask for. A tensor would go to a worker as a file of shared memory,
        # which takes longer than an array's bytes do.
        order = self.batch_sampler
        return _AsArrays(order) if self.num_workers and isinstance(order, EpochOrder) else order

    def _reader(self) -> Reader:
        reader: Reader = self.dataset.reader  # type: ignore[attr-defined]
        return reader

    def _of_workers(self) -> Iterator[Any]:
        lasting = getattr(self._iterator, "_workers", ())
        if not all(worker.is_alive() for worker in lasting):
            self._iterator = None  # with one of them dead, all epochs to come would fail
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
            length = rows.shape[1]
            batches = (collate(GatheredRows(batch, reader, length)) for batch in batches)
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
