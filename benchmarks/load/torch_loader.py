"""torch's DataLoader and collate functions, as users of several peers write them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from load.case import Case
from load.contender import Pass
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

Collate = Callable[[Any], Any]

# A worker that hangs becomes an error of its contender instead of the end of the run.
WORKER_TIMEOUT_S = 60.0


def worker_options(settings: Pass) -> dict[str, Any]:
    """Return the options of a DataLoader that have to do with workers."""
    return {
        "num_workers": settings.workers,
        "timeout": WORKER_TIMEOUT_S if settings.workers else 0.0,
    }


def plain_loader(
    dataset: Any, case: Case, settings: Pass, *, collate: Collate | None = None
) -> DataLoader[Any]:
    """Return a DataLoader that shuffles and makes batches by itself."""
    generator = torch.Generator().manual_seed(settings.seed)
    return DataLoader(
        dataset,
        batch_size=case.batch_size,
        shuffle=settings.shuffle,
        generator=generator,
        collate_fn=collate,
        **worker_options(settings),
    )


def whole_batch_loader(
    dataset: Any, case: Case, settings: Pass, *, collate: Collate
) -> DataLoader[Any]:
    """Return a DataLoader that asks `dataset[rows]` for whole batches, a list of rows each."""
    generator = torch.Generator().manual_seed(settings.seed)
    order = RandomSampler(dataset, generator=generator) if settings.shuffle else None
    sampler = BatchSampler(order or SequentialSampler(dataset), case.batch_size, drop_last=False)
    return DataLoader(
        dataset, batch_size=None, sampler=sampler, collate_fn=collate, **worker_options(settings)
    )


def same(batch: Any) -> Any:
    """Return the batch: a collate function for what is one already."""
    return batch


def stack_rows(rows: Sequence[tuple[Any, Any]]) -> tuple[Tensor, Tensor]:
    """Return rows `(x, y)` of arrays and numbers as `x` [b, ...] and `y` [b]."""
    x, y = zip(*rows, strict=True)
    return torch.from_numpy(np.stack(x)), torch.tensor(y)


def pad_rows(rows: Sequence[tuple[Any, Any]], padding_id: int) -> tuple[Tensor, Tensor]:
    """Return rows `(ids, y)` of lists or arrays and numbers as `x` [b, longest] and `y` [b]."""
    ids, y = zip(*rows, strict=True)
    tensors = [torch.as_tensor(row) for row in ids]
    return pad_sequence(tensors, batch_first=True, padding_value=padding_id), torch.tensor(y)


def pad_flat(ids: Tensor, lengths: Tensor, *, padding_id: int) -> Tensor:
    """Return rows that follow one another in `ids` [sum of lengths] as [b, longest]."""
    longest = int(lengths.max())
    padded = ids.new_full((len(lengths), longest), padding_id)
    padded[torch.arange(longest) < lengths[:, None]] = ids
    return padded


def collate_of(case: Case) -> Collate:
    """Return the collate function for rows `(x, y)` of arrays and numbers."""
    return partial(pad_rows, padding_id=case.padding_id) if case.is_text else stack_rows
