"""Which rows make up each batch of an epoch."""

from collections.abc import Iterator

import torch
from torch import Tensor


class EpochOrder:
    """A batch sampler that yields index tensors [b] int64.

    The order of an epoch depends on `(seed, epoch)` alone. Each iteration is one epoch, and the
    next one follows it; `set_epoch` goes to any.
    """

    def __init__(
        self, rows: int, batch_size: int, *, shuffle: bool, seed: int, drop_last: bool
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        self._rows = rows
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._seed = seed
        self._drop_last = drop_last
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of `epoch`, from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        full, rest = divmod(self._rows, self._batch_size)
        return full + (rest > 0 and not self._drop_last)

    def __iter__(self) -> Iterator[Tensor]:
        order = self._order(self._epoch)
        self._epoch += 1
        for batch in range(len(self)):
            yield order[batch * self._batch_size : (batch + 1) * self._batch_size]

    def _order(self, epoch: int) -> Tensor:
        if not self._shuffle:
            return torch.arange(self._rows)
        # Mixed by a generator, since neighbouring seeds start torch's in related states.
        mix = torch.Generator().manual_seed(self._seed)
        seeds = torch.randint(2**62, (epoch + 1,), generator=mix)
        generator = torch.Generator().manual_seed(int(seeds[epoch]))
        return torch.randperm(self._rows, generator=generator)
