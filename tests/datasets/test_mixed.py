"""Mixtures: proportions, resuming, and other processes."""

import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from joined_datasets import FEW, INDICES, KINDS, MANY, ROWS, orders_of, pair, rows_of, same
from torch.utils.data import DataLoader

import shardmill


def test_wrong_mixtures_are_refused(members: Path) -> None:
    many, few = pair(members)
    for weight in (0, 0.0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=rf"pictures/few.* must be above 0, not {weight}"):
            shardmill.mix({many: 1, few: weight})
    with pytest.raises(ValueError, match="there is no dataset to join"):
        shardmill.mix({})
    with pytest.raises(ValueError, match="there is no dataset to join"):
        shardmill.concat([])
    for wrong in ({"seed": -1}, {"rows": -1}):
        with pytest.raises(ValueError, match="seed and rows are from 0 on"):
            shardmill.mix({many: 1, few: 1}, **wrong)
    wrongs = (
        {"shuffle": "blocks"},
        {"weights": "balanced"},
        {"weights": [1.0] * ROWS},
        {"nodes": 2},
    )
    for options in wrongs:
        with pytest.raises(ValueError, match="leave shuffle, weights and nodes out"):
            shardmill.mix({many: 1, few: 1}).loader(9, **options)


def test_proportions_are_exact_in_every_epoch(members: Path) -> None:
    many, few = pair(members)
    # weights, draws of an epoch, how many of them are of the first
    table = [((3, 1), 1000, 750), ((0.1, 0.2), 1000, 333), ((1, 1), 7, 4), ((0.01, 1), 100, 1)]
    table += [((MANY, FEW), ROWS, MANY), ((5, 5), 0, 0)]
    for weights, rows, of_first in table:
        ds = shardmill.mix(dict(zip((many, few), weights, strict=True)), rows=rows)
        loader = ds.loader(64)
        for _ in range(3):
            drawn = torch.cat([torch.arange(0), *orders_of(loader)])
            assert len(drawn) == rows
            assert int((drawn < MANY).sum()) == of_first
    assert len(torch.cat(orders_of(shardmill.mix({many: 1, few: 1}).loader(64)))) == ROWS
    with pytest.raises(ValueError, match="dataset 0 of weight 1e-09 gets none of an epoch's 100"):
        shardmill.mix({many: 1e-9, few: 1}, rows=100).loader(64)


def test_mixtures_depend_on_seeds_and_epoch_alone(members: Path) -> None:
    def order(seed: int, loader_seed: int, epoch: int) -> list[int]:
        ds = shardmill.mix(dict.fromkeys(pair(members), 1.0), seed=seed, rows=500)
        loader = ds.loader(50, seed=loader_seed)
        loader.set_epoch(epoch)
        return [int(row) for row in torch.cat(orders_of(loader))]

    keys = list(itertools.product((0, 1), (0, 1), (0, 1, 2)))
    orders = [order(*key) for key in keys]
    assert orders == [order(*key) for key in keys]
    assert len(set(map(tuple, orders))) == len(keys)


def test_rows_of_a_mixture_come_equally_often(members: Path) -> None:
    many, few = pair(members)
    loader = shardmill.mix({many: 3, few: 1}, rows=1000).loader(100)
    drawn: list[int] = []
    for epoch in range(1, 8):
        drawn += [int(row) for row in torch.cat(orders_of(loader))]
        counts = np.bincount(drawn, minlength=ROWS)
        assert counts.sum() == 1000 * epoch
        assert np.ptp(counts[:MANY]) <= 1
        assert np.ptp(counts[MANY:]) <= 1
    assert counts[MANY:].min() == 1750 // FEW


@pytest.mark.parametrize("bucket", [False, 16])
def test_a_mixture_resumes_on_other_ranks(members: Path, bucket: int) -> None:
    def loader(rank: int, world_size: int) -> Any:
        ds = shardmill.mix(dict(zip(pair(members, "bag"), (2, 1), strict=True)), seed=4, rows=1_000)
        return ds.loader(20, rank=rank, world_size=world_size, bucket=bucket)

    everything = loader(0, 1)
    epochs = [list(iter(everything)) for _ in range(2)]
    started = [loader(rank, 2) for rank in range(2)]
    for running in map(iter, started):
        assert [len(next(running)[1]) for _ in range(5)] == [20] * 5
    states = [json.loads(json.dumps(each.state_dict())) for each in started]
    assert states[0] == states[1]
    resumed = [loader(rank, 4) for rank in range(4)]
    for each in resumed:
        each.load_state_dict(states[0])
    for begin, epoch in zip((200, 0), epochs, strict=True):
        steps = zip(*resumed, strict=True)
        rows = [row for step in steps for x, _ in step for row in rows_of(x)]
        assert rows == [row for x, _ in epoch for row in rows_of(x)][begin:]


def test_states_of_other_mixtures_are_refused(members: Path) -> None:
    many, few = pair(members)
    state = shardmill.mix({many: 2, few: 1}).loader(10).state_dict()
    shardmill.mix({many: 4, few: 2}).loader(99).load_state_dict(state)  # the same proportions
    others: list[Any] = [
        shardmill.mix({many: 1, few: 2}),
        shardmill.mix({few: 1, many: 2}),
        shardmill.mix({many: 2, few: 1}, seed=1),
        shardmill.mix({many: 2, few: 1}, rows=ROWS - 1),
        shardmill.mix({many: 2}),
        shardmill.concat([many, few]),
    ]
    for other in others:
        with pytest.raises(ValueError, match="this state is of another order"):
            other.loader(10).load_state_dict(state)


@pytest.mark.parametrize("kind", KINDS)
def test_other_processes_read_joined_rows(members: Path, kind: str) -> None:
    many, few = pair(members, kind)
    mixture = shardmill.mix({many: 1, few: 1}, rows=400)
    for ds in (shardmill.concat([many, few]), mixture):
        expected = ds[INDICES]
        sent = pickle.dumps(ds)
        assert len(sent) < 50_000
        assert same(pickle.loads(sent)[INDICES], expected)
        assert repr(pickle.loads(sent)) == repr(ds)
    batches = DataLoader(mixture, batch_size=900, num_workers=2)
    assert [row for x, _ in batches for row in rows_of(x)] == rows_of(mixture[:][0])
    own = zip(mixture.loader(100, num_workers=2), mixture.loader(100), strict=True)
    assert all(same(batch, other) for batch, other in own)
