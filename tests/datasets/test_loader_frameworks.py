"""Datasets and loaders inside what users have: torch, torchdata, Lightning."""

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from loader_cases import (
    CASES,
    equal,
    every_case,
    open_case,
    row_key,
    rows_by_number,
    rows_of,
    tensors,
    workers_or_none,
)
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader, Subset, random_split

import shardmill

# torch and Lightning advise much.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{category}")
    for category in ("UserWarning", "FutureWarning", "DeprecationWarning")
]


FORK: dict[str, Any] = {"num_workers": 2, "multiprocessing_context": "fork"}


SPAWN: dict[str, Any] = {"num_workers": 2, "multiprocessing_context": "spawn"}


LASTING = {"persistent_workers": True}


@pytest.mark.parametrize(
    ("case", "options"),
    [
        *((case, options) for case in CASES for options in ({}, FORK, FORK | LASTING)),
        *((case, SPAWN | LASTING) for case in ("images", "tabular", "padded")),
    ],
)
def test_a_plain_shuffled_loader_gives_every_row_once(
    sample_artifacts: Path, case: str, options: dict[str, Any]
) -> None:
    ds = open_case(sample_artifacts, case)
    expected = rows_by_number(ds)
    loader = DataLoader(ds, batch_size=64, shuffle=True, **options)
    epochs = [list(loader) for _ in range(2)]
    for epoch in epochs:
        assert [type(x) for x, _ in epoch] == [type(ds[:1][0])] * len(loader)
        assert Counter(rows_of(epoch)) == Counter(expected)
    assert rows_of(epochs[0]) != rows_of(epochs[1])


@every_case
@workers_or_none
def test_pinned_memory_is_for_accelerators_alone(
    sample_artifacts: Path, case: str, workers: int
) -> None:
    ds = open_case(sample_artifacts, case)
    options: dict[str, Any] = {"batch_size": 300, "pin_memory": True, "num_workers": workers}
    for loader in (DataLoader(ds, **options), ds.loader(**options)):
        batches = list(loader)
        assert rows_of(batches) == rows_by_number(ds)
        pinned = {tensor.is_pinned() for tensor in tensors(batches)}
        accelerator = getattr(torch, "accelerator", torch.cuda)  # of torch 2.6
        assert pinned == {accelerator.is_available()}


@every_case
def test_a_collate_function_of_ones_own_is_given_rows(sample_artifacts: Path, case: str) -> None:
    ds = open_case(sample_artifacts, case)
    for loader in (DataLoader(ds, 64, collate_fn=list), ds.loader(64, collate_fn=list)):
        rows = [row_key(x, y) for batch in loader for x, y in batch]
        assert rows == rows_by_number(ds)


@every_case
def test_parts_of_a_dataset(sample_artifacts: Path, case: str) -> None:
    ds = open_case(sample_artifacts, case)
    expected = rows_by_number(ds)
    odd = DataLoader(Subset(ds, range(1, len(ds), 2)), batch_size=30)
    assert rows_of(odd) == expected[1::2]
    parts = random_split(ds, [0.3, 0.7], generator=torch.Generator().manual_seed(0))
    drawn = [rows_of(DataLoader(part, batch_size=30, shuffle=True)) for part in parts]
    assert [len(rows) for rows in drawn] == [len(part) for part in parts]
    assert Counter(drawn[0] + drawn[1]) == Counter(expected)


@every_case
def test_torchs_concatenation_of_two_splits(sample_artifacts: Path, case: str) -> None:
    name, split, other, options = CASES[case]
    splits = [shardmill.open(sample_artifacts / name, s, **options) for s in (split, other)]
    loader: DataLoader[Any] = DataLoader(ConcatDataset(splits), batch_size=64)
    batches = list(loader)
    assert rows_of(batches) == [*rows_by_number(splits[0]), *rows_by_number(splits[1])]
    assert equal(batches[:1], [splits[0][:64]])


@every_case
def test_the_loader_is_torchs_and_samples_index_tensors(sample_artifacts: Path, case: str) -> None:
    ds = open_case(sample_artifacts, case)
    loader = ds.loader(30, shuffle=True)
    assert isinstance(loader, DataLoader)
    order: Any = loader.batch_sampler
    indices = list(order)
    assert {(rows.dtype, rows.ndim) for rows in indices} == {(torch.int64, 1)}
    assert len(indices) == len(loader) == -(-len(ds) // 30)
    order.set_epoch(0)
    assert equal([ds[rows] for rows in indices], list(loader))


@every_case
@workers_or_none
def test_batches_are_the_loops_own(sample_artifacts: Path, case: str, workers: int) -> None:
    ds = open_case(sample_artifacts, case)
    shards = sorted(ds.path.glob("*/*.safetensors"))
    before = [shard.read_bytes() for shard in shards]
    expected = list(open_case(sample_artifacts, case).loader(30))
    loader = ds.loader(30, num_workers=workers)
    for _ in range(2):
        for batch, unchanged in zip(loader, expected, strict=True):
            assert equal([batch], [unchanged])
            for tensor in tensors(batch):
                assert tensor.is_contiguous()
                assert tensor.numpy().flags.writeable
                tensor.fill_(3)
    assert [shard.read_bytes() for shard in shards] == before


@pytest.mark.parametrize(
    ("case", "layer"),
    [
        ("tabular", lambda x: nn.Linear(7, 2)(x)),
        ("padded", lambda x: nn.Embedding(50_000, 2)(x.ids)),
        ("bag", lambda x: nn.EmbeddingBag(50_000, 2)(x.ids, x.offsets)),
    ],
)
def test_a_change_to_one_batch_is_none_to_what_autograd_kept_of_another(
    sample_artifacts: Path, case: str, layer: Callable[[Any], Tensor]
) -> None:
    (x, _), following = islice(open_case(sample_artifacts, case).loader(30), 2)
    loss = layer(x).sum()
    for tensor in tensors(following):
        tensor.zero_()
    torch.autograd.backward(loss)


@every_case
def test_workers_change_neither_batches_nor_their_order(sample_artifacts: Path, case: str) -> None:
    ds = open_case(sample_artifacts, case)
    alone = ds.loader(30, shuffle=True, seed=3)
    shared = ds.loader(30, shuffle=True, seed=3, num_workers=2, persistent_workers=True)
    for _ in range(2):
        assert equal(list(shared), list(alone))
