"""Rows are on the CPU, whatever device torch makes new tensors on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import shardmill


@pytest.fixture
def elsewhere() -> Iterator[None]:
    torch.set_default_device("meta")  # which stands for a GPU
    yield
    torch.set_default_device(None)


def tensors(batch: Any) -> Iterator[torch.Tensor]:
    if isinstance(batch, torch.Tensor):
        yield batch
    elif isinstance(batch, dict):
        yield from tensors(tuple(batch.values()))
    elif isinstance(batch, list | tuple):
        for each in batch:
            yield from tensors(each)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", ["titanic", "mnist", "ag_news"])
def test_rows_are_on_the_cpu(sample_artifacts: Path, name: str) -> None:
    ds, other = (shardmill.open(sample_artifacts / name) for _ in range(2))
    both, mixed = shardmill.concat([ds, other]), shardmill.mix({ds: 1, other: 2}, seed=1)
    batches = [
        ds[3],
        ds[[1, 2]],
        ds[:2],
        ds[-1],
        both[len(ds)],
        next(iter(ds.loader(4))),
        next(iter(ds.loader(4, shuffle=True, seed=1))),
        next(iter(ds.loader(4, weights="balanced", seed=1))),
        next(iter(both.loader(4, shuffle=True, seed=1))),
        next(iter(mixed.loader(4))),
    ]
    for batch in batches:
        found = list(tensors(batch))
        assert found
        assert {tensor.device.type for tensor in found} == {"cpu"}
