"""The limit, which is torch alone, and what torch's users have without any library."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from load.case import Case, dense_tensors
from load.contender import Contender, Pass, tensor_place
from load.torch_loader import plain_loader, same, whole_batch_loader
from torch import Tensor
from torch.utils.data import TensorDataset

_Batches = Sequence[tuple[Tensor, Tensor, Tensor]]  # places in x, room for them, rows


def _open_map(case: Case, place: Path) -> Tensor:
    # One map of one plain file, page-cached; copy-on-write, since torch warns of read-only memory.
    name = "ids.npy" if case.is_text else "x.npy"
    return torch.from_numpy(np.load(place / name, mmap_mode="c"))


class _Gathers:
    """An epoch of batches `(x, rows)`, again and again; all that can be is made beforehand."""

    def __init__(self, x: Tensor, batches: _Batches) -> None:
        self._x = x
        self._batches = batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for index, out, rows in self._batches:
            torch.index_select(self._x, 0, index, out=out)
            yield out, rows


class _GathersWithLabels:
    """The same with labels: `(x, y)`."""

    def __init__(self, x: Tensor, y: Tensor, batches: _Batches) -> None:
        self._x = x
        self._y = y
        labels = torch.empty(max(len(rows) for _, _, rows in batches), dtype=y.dtype)
        self._batches = [(*batch, labels[: len(batch[2])]) for batch in batches]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for index, out, rows, labels in self._batches:
            torch.index_select(self._x, 0, index, out=out)
            torch.index_select(self._y, 0, rows, out=labels)
            yield out, labels


def _gathers(x: Tensor, case: Case, settings: Pass) -> _Gathers:
    return _Gathers(x, _batches(x, case, settings))


def _gathers_with_labels(
    maps: tuple[Tensor, Tensor], case: Case, settings: Pass
) -> _GathersWithLabels:
    return _GathersWithLabels(*maps, _batches(maps[0], case, settings))


def _batches(x: Tensor, case: Case, settings: Pass) -> _Batches:
    generator = torch.Generator().manual_seed(settings.seed)
    order = torch.randperm(case.rows, generator=generator)
    rows = order if settings.shuffle else torch.arange(case.rows)
    batches = torch.split(rows, case.batch_size)
    indices = _token_places(case, batches) if case.is_text else batches
    longest = max(len(index) for index in indices)
    room = torch.empty((longest, *x.shape[1:]), dtype=x.dtype)
    outs = [room[: len(index)] for index in indices]
    return list(zip(indices, outs, batches, strict=True))


def _open_maps(case: Case, place: Path) -> tuple[Tensor, Tensor]:
    labels = torch.from_numpy(np.load(place / "y.npy", mmap_mode="c"))
    return _open_map(case, place), labels


def _token_places(case: Case, batches: Sequence[Tensor]) -> list[Tensor]:
    # For each batch the place of every token of its rows, and of nothing else: [tokens] int64.
    offsets = torch.from_numpy(np.array(case.array("offsets")))
    lengths = offsets.diff()
    places = []
    for rows in batches:
        sizes = lengths[rows]
        shifts = offsets[rows] - (torch.cumsum(sizes, 0) - sizes)
        places.append(torch.repeat_interleave(shifts, sizes) + torch.arange(int(sizes.sum())))
    return places


def _open_tensors(case: Case, place: Path) -> TensorDataset:
    x, lengths = dense_tensors(case)
    tensors = [torch.from_numpy(x), torch.from_numpy(np.load(place / "y.npy"))]
    return TensorDataset(*tensors, *([torch.from_numpy(lengths)] if case.is_text else []))


def trim(batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return `(x, y)` of `(x, y)` or `(x, y, lengths)`, `x` no wider than its longest row."""
    if len(batch) == 2:
        return batch[0], batch[1]
    x, y, lengths = batch
    return x[:, : int(lengths.max())], y


def _trim_rows(rows: Sequence[Sequence[Tensor]]) -> tuple[Tensor, Tensor]:
    return trim([torch.stack(column) for column in zip(*rows, strict=True)])


def _load_tensors(dataset: TensorDataset, case: Case, settings: Pass) -> Any:
    collate = _trim_rows if case.is_text else None
    return plain_loader(dataset, case, settings, collate=collate)


def _load_whole_tensors(dataset: TensorDataset, case: Case, settings: Pass) -> Any:
    collate = trim if case.is_text else same
    return whole_batch_loader(dataset, case, settings, collate=collate)


_TORCH = partial(Contender, package="torch", imports=(), place=tensor_place)
_IN_RAM = partial(_TORCH, open=_open_tensors)

LIMIT = _TORCH(name="limit: index_select into a given output", open=_open_map, load=_gathers)

CONTENDERS = (
    _TORCH(name="limit with labels: two index_select", open=_open_maps, load=_gathers_with_labels),
    _IN_RAM(name="TensorDataset in RAM, plain DataLoader", load=_load_tensors),
    _IN_RAM(name="TensorDataset in RAM, batch sampler", load=_load_whole_tensors),
)
