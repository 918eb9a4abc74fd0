"""The loader of a dataset, and how torch reads it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from cut_artifacts import ROWS, equal, open_text
from torch.utils.data import DataLoader, Subset

import shardmill


@pytest.mark.parametrize("workers", [0, 2])
def test_a_plain_data_loader_gives_whole_batches(cut_folder: Path, workers: int) -> None:
    ds = shardmill.open(cut_folder / "many" / "pictures")
    batches = list(DataLoader(ds, batch_size=4_000, num_workers=workers))
    assert equal((torch.cat([b[0] for b in batches]), torch.cat([b[1] for b in batches])), ds[:])
    subset = Subset(ds, [5, 3, 8])
    assert equal(next(iter(DataLoader(subset, batch_size=3))), ds[[5, 3, 8]])


def test_a_collate_function_of_ones_own_sees_rows(cut_folder: Path) -> None:
    ds = open_text(cut_folder / "one")

    def longest(rows: Any) -> int:
        assert len(rows) == 8
        return max(len(ids) for ids, _ in rows)

    lengths = list(DataLoader(ds, batch_size=8, collate_fn=longest))
    assert lengths[0] == int(ds[:8][0].lengths.max())


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_loader_gives_each_row_once_an_epoch(cut_folder: Path, shuffle: bool) -> None:
    ds = shardmill.open(cut_folder / "many" / "pictures", transform=lambda x: x)
    loader = ds.loader(999, shuffle=shuffle, seed=3)
    assert isinstance(loader, DataLoader)
    order: Any = loader.batch_sampler
    epochs: list[Any] = [list(order) for _ in range(2)]
    assert [len(batch) for batch in epochs[0]] == [999] * 20 + [20]
    for epoch in epochs:
        assert torch.equal(torch.cat(epoch).sort().values, torch.arange(ROWS))
    assert equal(epochs[0], epochs[1]) != shuffle
    assert sum(len(y) for _, y in loader) == ROWS


def test_the_order_depends_on_seed_and_epoch_alone(cut_folder: Path) -> None:
    ds = open_text(cut_folder / "one")

    def order(seed: int, epoch: int) -> Any:
        sampler: Any = ds.loader(100, shuffle=True, seed=seed).batch_sampler
        sampler.set_epoch(epoch)
        return list(sampler)

    assert equal(order(1, 4), order(1, 4))
    assert not equal(order(1, 4), order(2, 4))
    assert not equal(order(1, 4), order(1, 5))
    running: Any = ds.loader(100, shuffle=True, seed=1).batch_sampler
    assert equal([list(running) for _ in range(5)][4], order(1, 4))


def test_drop_last_and_wrong_sizes(cut_folder: Path) -> None:
    ds = open_text(cut_folder / "one")
    loader = ds.loader(999, drop_last=True)
    assert len(loader) == 20
    assert {len(y) for _, y in loader} == {999}
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        ds.loader(0)
