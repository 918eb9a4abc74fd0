"""What every order of rows keeps to, and what each one promises."""

import hashlib
import json
import pickle
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from shardmill.datasets.order import mix_order, permutation, row_order, weighted_order
from shardmill.datasets.order.mix_order import Mixed
from shardmill.datasets.order.node_order import NodeBlocks
from shardmill.datasets.order.row_order import (
    WINDOW_BLOCKS,
    BlockShuffled,
    Bucketed,
    InOrder,
    Places,
    RowOrder,
    Shuffled,
)
from shardmill.datasets.order.shard_order import ShardGroups
from shardmill.datasets.order.weighted_order import Weighted


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> Iterator[None]:
    # So that an epoch of some hundred rows has several chunks, and large ones are soon made.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_order, "CHUNK_ROWS", 256)
        patch.setattr(mix_order, "CHUNK_ROWS", 256)
        patch.setattr(weighted_order, "CHUNK_ROWS", 256)
        patch.setattr(permutation, "TABLE_ROWS", 1_500)
        yield


def unheard(start: int, stop: int) -> None:
    """Take no notice of what will be needed."""


def lengths(rows: Tensor) -> Tensor:
    """Return the lengths of texts, from 0 to 100 and many of them the same."""
    return rows * 7_919 % 101


def blocks(rows: int, block_rows: int, seed: int) -> BlockShuffled:
    return BlockShuffled(rows, seed, block_rows=block_rows, will_need=unheard)


def bucketed(order: RowOrder, bucket_rows: int, seed: int) -> Bucketed:
    return Bucketed(order, lengths, bucket_rows=bucket_rows, seed=seed)


def of_one_node(rows: int, shard_rows: int, block_rows: int, seed: int) -> RowOrder:
    starts = np.arange(0, rows, shard_rows)
    deal = NodeBlocks(starts, rows, seed=seed, block_rows=block_rows, will_need=unheard)
    return deal.share(0, 1)


def of_shards(rows: int, shard_rows: int, block_rows: int, seed: int) -> RowOrder:
    starts = np.arange(0, rows, shard_rows)
    of = NodeBlocks(
        starts, rows, seed=seed, block_rows=block_rows, will_need=unheard, at_shard=True
    )
    return ShardGroups(of, 0, 1)


Make = Callable[[int], RowOrder]

STORED: dict[str, Make] = {
    "in order": lambda seed: InOrder(1_000, chunk=64),
    "in order, in whole chunks": lambda seed: InOrder(128, chunk=64),
}
# Every row once in an epoch, in an order that depends on the seed.
RANDOM: dict[str, Make] = {
    "shuffled": lambda seed: Shuffled(1_000, seed),
    "shuffled in one chunk": lambda seed: Shuffled(200, seed),
    "shuffled without a table": lambda seed: Shuffled(2_000, seed),
    "blocks in windows": lambda seed: blocks(1_000, 7, seed),
    "whole blocks in whole windows": lambda seed: blocks(8 * WINDOW_BLOCKS, 4, seed),
    "short block in its own window": lambda seed: blocks(8 * WINDOW_BLOCKS + 3, 4, seed),
    "blocks of one row": lambda seed: blocks(200, 1, seed),
    "less than a block": lambda seed: blocks(50, 51, seed),
    "many blocks, without a table": lambda seed: blocks(1_600, 1, seed),
    "one node": lambda seed: of_one_node(1_000, 90, 7, seed),
    "one node, whole blocks in whole windows": lambda seed: of_one_node(512, 8, 4, seed),
    "one node, shards smaller than blocks": lambda seed: of_one_node(500, 3, 7, seed),
    "one node, one shard": lambda seed: of_one_node(200, 500, 1, seed),
    "groups of shards": lambda seed: of_shards(1_000, 90, 7, seed),
    "groups of shards, with several windows": lambda seed: of_shards(1_000, 90, 1, seed),
    "groups of shards smaller than blocks": lambda seed: of_shards(500, 3, 70, seed),
    "one group of shards": lambda seed: of_shards(200, 60, 3, seed),
    "buckets of one node": lambda seed: bucketed(of_one_node(1_000, 90, 3, seed), 4, seed),
    "buckets in order": lambda seed: bucketed(InOrder(1_000, chunk=300), 5, seed),
    "buckets of shuffled": lambda seed: bucketed(Shuffled(1_000, seed), 5, seed),
    "buckets of blocks": lambda seed: bucketed(blocks(1_000, 3, seed), 4, seed),
}
REPEATING: dict[str, Make] = {
    "weighted": lambda seed: Weighted(torch.arange(700.0), seed),
    "mixed": lambda seed: Mixed([300, 500], [1, 2], rows=700, key=(3, seed)),
    "buckets of mixed": lambda seed: bucketed(
        Mixed([300, 500], [1, 2], rows=700, key=(3, seed)), 4, seed
    ),
}
ONCE = STORED | RANDOM
SEEDED = RANDOM | REPEATING
ALL = ONCE | REPEATING


def chunks(order: RowOrder) -> int:
    return -(-order.rows // order.chunk)


def epoch_of(order: RowOrder, epoch: int) -> Tensor:
    return torch.cat([order.numbers(epoch, chunk) for chunk in range(chunks(order))])


@pytest.mark.parametrize("name", ALL)
def test_the_chunks_of_an_epoch_are_full_and_make_up_all_its_places(name: str) -> None:
    order = ALL[name](1)
    for epoch in (0, 7):
        made = [order.numbers(epoch, chunk) for chunk in range(chunks(order))]
        assert {numbers.dtype for numbers in made} == {torch.int64}
        sizes = list(map(len, made))
        assert sizes[:-1] == [order.chunk] * (chunks(order) - 1)
        assert sum(sizes) == order.rows


@pytest.mark.parametrize("name", ONCE)
def test_every_row_comes_once_an_epoch(name: str) -> None:
    order = ONCE[name](1)
    for epoch in (0, 1, 5):
        rows = epoch_of(order, epoch)
        assert torch.equal(rows.sort().values, torch.arange(order.rows))
        assert torch.equal(rows, torch.arange(order.rows)) == (name in STORED)


@pytest.mark.parametrize("name", SEEDED)
def test_seed_and_epoch_alone_decide(name: str) -> None:
    rows = epoch_of(SEEDED[name](1), 2)
    torch.manual_seed(5)
    assert torch.equal(epoch_of(SEEDED[name](1), 2), rows)
    for seed, epoch in ((2, 2), (1, 3), (0, 2)):
        assert not torch.equal(epoch_of(SEEDED[name](seed), epoch), rows)


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(list(ALL)),
    visits=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=8),
)
def test_a_chunk_does_not_depend_on_those_before(name: str, visits: list[tuple[int, int]]) -> None:
    order = ALL[name](1)
    for epoch, at in visits:
        chunk = at % chunks(order)
        assert torch.equal(order.numbers(epoch, chunk), ALL[name](1).numbers(epoch, chunk))


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(list(ALL)), epoch=st.integers(0, 2), data=st.data())
def test_places_are_those_of_the_whole_epoch(name: str, epoch: int, data: st.DataObject) -> None:
    order = ALL[name](1)
    places, whole = Places(order), epoch_of(order, epoch)
    for _ in range(3):
        start, stop = sorted(data.draw(st.tuples(*[st.integers(0, order.rows)] * 2)))
        found = places.between(epoch, start, stop)
        assert found.dtype == torch.int64
        assert torch.equal(found, whole[start:stop])


@pytest.mark.parametrize("name", ALL)
def test_facts_are_the_same_after_json(name: str) -> None:
    facts = ALL[name](1).facts()
    assert json.loads(json.dumps(dict(facts))) == facts == ALL[name](1).facts()


@pytest.mark.parametrize("name", SEEDED)
def test_orders_that_differ_have_facts_that_differ(name: str) -> None:
    assert SEEDED[name](1).facts() != SEEDED[name](2).facts()


def test_facts_tell_orders_of_other_arguments_apart() -> None:
    mixed = (Mixed([50, 50], weights, rows=100, key=(1, 1)) for weights in ([1, 2], [1, 3]))
    kinds: list[RowOrder] = [InOrder(100), InOrder(99), Shuffled(100, 1), *mixed]
    kinds += [blocks(100, block_rows, 1) for block_rows in (5, 6)]
    kinds += [Weighted(weights, 1) for weights in (torch.ones(100), torch.arange(100))]
    kinds += [bucketed(Shuffled(100, 1), bucket_rows, 1) for bucket_rows in (5, 6)]
    kinds += [of_one_node(100, 10, block_rows, 1) for block_rows in (5, 6)]
    kinds += [of_shards(100, 10, block_rows, 1) for block_rows in (5, 6)]
    assert len({json.dumps(dict(order.facts())) for order in kinds}) == len(kinds) == 15


@pytest.mark.parametrize("name", ALL)
def test_a_pickled_order_is_the_same(name: str) -> None:
    order = ALL[name](1)
    first = order.numbers(1, 0)
    for copy in (pickle.loads(pickle.dumps(ALL[name](1))), pickle.loads(pickle.dumps(order))):
        assert torch.equal(copy.numbers(1, 0), first)
        assert torch.equal(epoch_of(copy, 0), epoch_of(order, 0))


def test_the_rows_of_a_seed_stay_the_same() -> None:
    digests = {}
    for name in ("shuffled", "blocks in windows", "one node", "groups of shards"):
        rows = torch.cat([epoch_of(ONCE[name](1), epoch) for epoch in (0, 1)])
        digests[name] = hashlib.sha256(rows.numpy().astype("<i8").tobytes()).hexdigest()[:16]
    assert digests == {
        "shuffled": "fa75f66be24809f1",
        "blocks in windows": "eb571be9ff04146e",
        "one node": "2974e87c4fe492ed",
        "groups of shards": "f1eccf9c0aa6156f",
    }


BLOCKS = [(1_000, 7), (512, 4), (515, 4), (513, 4), (200, 1), (50, 51), (64, 64)]


def of_whole_blocks(window: Tensor, rows: int, block_rows: int, first_row: int) -> bool:
    """Say whether rows are those of whole blocks, counted from `first_row` on and round."""
    counts = torch.bincount((window - first_row) % rows // block_rows)
    full = torch.full_like(counts, block_rows)
    full[rows // block_rows :] = rows % block_rows
    return bool(((counts == full) | (counts == 0)).all())


@pytest.mark.parametrize(("rows", "block_rows"), BLOCKS)
def test_a_window_is_of_whole_blocks(rows: int, block_rows: int) -> None:
    order = blocks(rows, block_rows, 1)
    firsts = []
    for epoch in range(4):
        windows = [order.numbers(epoch, chunk) for chunk in range(chunks(order))]
        fitting = (
            all(of_whole_blocks(window, rows, block_rows, first_row) for window in windows)
            for first_row in range(rows)
        )
        firsts.append(list(fitting).index(True))
    if len(windows) > 1 and block_rows > 1:  # otherwise any first row would do
        assert len(set(firsts)) > 1


def test_blocks_and_the_rows_of_a_window_are_mixed() -> None:
    window = blocks(64 * 100, 10, 1).numbers(0, 0)
    assert len(torch.unique(window[:100] // 10)) > 20
    # Of a single block, an epoch is not the one before from another row on.
    one, other = (epoch_of(blocks(50, 51, 1), epoch).diff() % 50 for epoch in (0, 1))
    assert not torch.equal(one, other)
    assert int(window.max()) - int(window.min()) > 64 * 50


@pytest.mark.parametrize(("rows", "block_rows"), BLOCKS)
def test_rows_are_announced_a_window_before_they_are_read(rows: int, block_rows: int) -> None:
    told: list[tuple[int, int]] = []
    order = BlockShuffled(
        rows, 1, block_rows=block_rows, will_need=lambda start, stop: told.append((start, stop))
    )
    windows = [order.numbers(2, chunk) for chunk in range(chunks(order))]
    for chunk in range(chunks(order)):
        told.clear()
        order.numbers(2, chunk)
        needed = {int(row) for window in windows[chunk : chunk + 2] for row in window}
        heard = {row for start, stop in told for row in range(start, stop)}
        assert all(0 <= start < stop <= min(start + block_rows, rows) for start, stop in told)
        assert needed <= heard, f"not told of {sorted(needed - heard)} before chunk {chunk}"
        assert len(told) <= 2 * WINDOW_BLOCKS + 1  # of blocks, never row by row


def spread(rows: Tensor, batch_size: int) -> float:
    """Return the mean difference of the longest and the shortest text of a batch."""
    whole = lengths(rows[: len(rows) // batch_size * batch_size]).view(-1, batch_size)
    return float((whole.amax(1) - whole.amin(1)).double().mean())


@pytest.mark.parametrize("name", ["shuffled", "in order", "blocks in windows"])
def test_batches_of_bucket_rows_are_of_similar_length(name: str) -> None:
    plain = epoch_of(ONCE[name](1), 0)
    together = epoch_of(bucketed(ONCE[name](1), 10, 1), 0)
    assert spread(together, 10) < spread(plain, 10) / 10


def test_buckets_come_in_a_random_order_but_the_one_that_is_not_full_comes_last() -> None:
    rows = epoch_of(bucketed(Shuffled(32 * 50 + 7, 1), 32, 1), 0)
    means = lengths(rows[: 32 * 50]).view(50, 32).double().mean(1)
    assert 10 < int((means.diff() > 0).sum()) < 40
