"""Epochs that are dealt out: each node reads its share of the shards, and no row comes twice."""

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from epoch_steps import State, Step, rows_of, steps_of
from hypothesis import given, settings, strategies as st
from torch import Tensor

from shardmill.datasets.order.epoch_order import EpochOrder
from shardmill.datasets.order.node_order import Dealt, NodeBlocks, Shares, bucketed_shares
from shardmill.datasets.order.place import Place
from shardmill.datasets.order.row_order import InOrder
from shardmill.datasets.order.shard_order import ShardGroups

ROWS = st.integers(0, 60)
BATCH = st.integers(1, 5)
NODES = st.integers(1, 4)
RANKS = st.integers(1, 3)  # of a node
SHARD = st.integers(1, 20)
BLOCK = st.integers(1, 4)


def unheard(start: int, stop: int) -> None:
    """Take no notice of what will be needed."""


def lengths(rows: Tensor) -> Tensor:
    return rows * 7_919 % 101


def deal(
    rows: int, shard_rows: int, block_rows: int = 2, *, will_need: Any = unheard, seed: int = 1
) -> NodeBlocks:
    starts = np.arange(0, rows, shard_rows)
    return NodeBlocks(starts, rows, seed=seed, block_rows=block_rows, will_need=will_need)


def dealt(rows: int, shard_rows: int, block_rows: int, nodes: int, *, groups: bool) -> Dealt:
    """Deal rows out among nodes, in blocks of the share or in groups of its shards."""
    starts = np.arange(0, rows, shard_rows)
    options: dict[str, Any] = {"seed": 1, "block_rows": block_rows, "will_need": unheard}
    of = NodeBlocks(starts, rows, at_shard=groups, **options)
    return Dealt(partial(ShardGroups, of) if groups else of.share, nodes)


def ranks(order: Dealt, batch_size: int, ranks_of_node: int, **options: Any) -> list[EpochOrder]:
    world_size = (order.nodes or 1) * ranks_of_node
    return [
        EpochOrder(order, batch_size, rank=rank, world_size=world_size, **options)
        for rank in range(world_size)
    ]


def check_epoch(steps: list[Step], rows: int, *, may_repeat: bool) -> None:
    """Check that steps have every row once; the last may repeat its own if they are too few."""
    for step in steps:
        sizes = [len(batch) for batch in step]
        assert min(sizes) >= 1
        assert max(sizes) - min(sizes) <= 1
    last = rows_of(steps[-1:])
    if may_repeat:
        last = list(set(last))
    assert sorted(rows_of(steps[:-1]) + last) == list(range(rows))


@settings(max_examples=200, deadline=None)
@given(
    rows=ROWS,
    shard_rows=SHARD,
    block_rows=BLOCK,
    batch_size=BATCH,
    nodes=NODES,
    of_node=RANKS,
    bucket=st.booleans(),
    groups=st.booleans(),
)
def test_all_nodes_together_have_every_row_once(
    rows: int,
    shard_rows: int,
    block_rows: int,
    batch_size: int,
    nodes: int,
    of_node: int,
    bucket: bool,
    groups: bool,
) -> None:
    order = dealt(rows, shard_rows, block_rows, nodes, groups=groups)
    if bucket:
        order = bucketed_shares(order, lengths, bucket_rows=3, seed=1)
    orders = ranks(order, batch_size, of_node)
    few = batch_size == 1 or rows < nodes * of_node
    epochs = []
    for epoch in range(3):
        steps, state = steps_of(orders)
        assert {len(order) for order in orders} == {len(steps)}
        check_epoch(steps, rows, may_repeat=few)
        assert (state["epoch"], state["row"], state["shares"]) == (epoch + 1, 0, None)
        epochs.append(steps)
    # A share of two shards may have the same rows again, in the same few buckets.
    assert rows < 20 or (groups and bucket) or epochs[0] != epochs[1] != epochs[2]
    whole = steps_of(ranks(order, batch_size, of_node, drop_last=True))[0]
    step_rows = batch_size * nodes * of_node
    assert len(set(rows_of(whole))) == len(rows_of(whole)) == rows // step_rows * step_rows


LEGS = st.lists(st.tuples(BATCH, NODES, RANKS, st.integers(0, 5)), max_size=5)


@settings(max_examples=200, deadline=None)
@given(
    rows=ROWS,
    shard_rows=SHARD,
    legs=LEGS,
    last=st.tuples(BATCH, NODES, RANKS),
    groups=st.booleans(),
)
def test_what_stops_and_goes_on_with_other_nodes_has_every_row_once(
    rows: int,
    shard_rows: int,
    legs: list[tuple[int, int, int, int]],
    last: tuple[int, int, int],
    groups: bool,
) -> None:
    epochs: dict[int, list[Step]] = {}
    of_nodes = partial(dealt, rows, shard_rows, 2, groups=groups)
    state: State = ranks(of_nodes(1), 1, 1)[0].state_dict()
    for size, nodes, of_node, batches in [*legs, (*last, rows)]:
        orders = ranks(of_nodes(nodes), size, of_node)
        for order in orders:
            order.load_state_dict(state)
            assert order.state_dict() == state
        if state["row"]:
            assert orders[0].next_place.shares == state["shares"]
        else:
            assert orders[0].next_place.shares == nodes
        steps, after = steps_of(orders, batches)
        epochs.setdefault(state["epoch"], []).extend(steps)
        state = after
    assert state["row"] == 0
    for steps in epochs.values():
        check_epoch(steps, rows, may_repeat=True)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, batch_size=BATCH, nodes=NODES, of_node=RANKS, shares=NODES, data=st.data())
def test_groups_of_any_size_are_the_same_batches(
    rows: int, batch_size: int, nodes: int, of_node: int, shares: int, data: st.DataObject
) -> None:
    row, at_once = data.draw(st.integers(0, rows), "row"), data.draw(st.integers(1, 9), "at once")
    for order in ranks(Dealt(deal(rows, 7).share, nodes), batch_size, of_node):
        groups = [list(order.groups(Place(0, row, shares), size)) for size in (1, at_once)]
        one, many = ([rows.tolist() for group in of for rows in group] for of in groups)
        assert one == many


@pytest.mark.parametrize("of_node", [1, 3])
@pytest.mark.parametrize("nodes", [1, 2, 5])
@pytest.mark.parametrize("shards", [40, 43])
def test_a_node_reads_and_announces_its_share_of_the_shards_alone(
    shards: int, nodes: int, of_node: int
) -> None:
    rows, shard_rows = shards * 50 - 7, 50
    shares = []
    for epoch in range(3):
        read: list[set[int]] = []
        for node in range(nodes):
            told: set[int] = set()
            mine: set[int] = set()
            for rank in range(of_node):
                of = deal(rows, shard_rows, will_need=lambda a, b, t=told: t.update(range(a, b)))
                order = EpochOrder(
                    Dealt(of.share, nodes),
                    8,
                    rank=node * of_node + rank,
                    world_size=nodes * of_node,
                )
                order.set_epoch(epoch)
                mine |= {int(row) for batch in order for row in batch}
            assert mine == told
            read.append({row // shard_rows for row in mine})
            assert len(read[-1]) <= shards / nodes + 3
        assert set().union(*read) == set(range(shards))
        shares.append(read)
    assert nodes == 1 or shares[0] != shares[1] != shares[2]


# The number of shares, and the nodes that go on with them: how many shares a node then reads.
OTHER_NODES = [(4, 4, 1), (4, 2, 2), (4, 1, 4), (2, 4, 1), (4, 8, 1), (4, 6, 2), (4, 3, 4)]


@pytest.mark.parametrize(("shares", "nodes", "expected"), OTHER_NODES)
def test_other_nodes_go_on_with_as_few_shares_as_can_be(
    shares: int, nodes: int, expected: int
) -> None:
    of = deal(1_000, 10)
    arcs = [set(_rows_of_share(of, share, shares)) for share in range(shares)]
    for node in range(nodes):
        order = EpochOrder(Dealt(of.share, nodes), 4, rank=node, world_size=nodes)
        state = order.state_dict() | {"epoch": 3, "row": 125, "shares": shares}
        order.load_state_dict(state)
        rows = {int(row) for batch in order for row in batch}
        assert sum(bool(rows & arc) for arc in arcs) == expected


def _rows_of_share(of: NodeBlocks, share: int, shares: int) -> list[int]:
    order = of.share(share, shares)
    chunks = range(-(-order.rows // order.chunk))
    return [int(row) for chunk in chunks for row in order.numbers(3, chunk)]


@settings(max_examples=100, deadline=None)
@given(shares=st.integers(1, 6), step=st.integers(1, 7), first=st.integers(0, 20), data=st.data())
def test_shares_take_turns(shares: int, step: int, first: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 9))
    orders = Shares([InOrder(20) for _ in range(shares)])
    places = range(first, first + step * count, step)[:count]
    places = range(first, min(places.stop, 20 * shares), step)
    if places:
        found = orders.every(0, first, step=step, count=len(places))
        assert found.tolist() == [place // shares for place in places]


def test_blocks_begin_at_other_rows_in_each_epoch() -> None:
    of = deal(1_000, 50, 10)
    firsts = [next(of.circle(epoch).pieces(0, 10))[0] for epoch in range(8)]
    assert len({first % 10 for first in firsts}) > 2


def test_blocks_are_read_whole_and_rows_are_mixed() -> None:
    share = deal(64_000, 500, 10).share(1, 4)
    window = share.numbers(0, 3)
    blocks = torch.unique(window // 10)
    assert len(window) == 640
    assert len(blocks) <= 64 + 64 + 2  # a block begins anywhere in a file
    assert len(torch.unique(window[:64] // 10)) > 30
    assert not torch.equal(window, share.numbers(1, 3))


@pytest.mark.parametrize("nodes", [1, 3])
def test_a_dealt_order_goes_to_another_process(nodes: int) -> None:
    order = bucketed_shares(Dealt(deal(300, 20).share, nodes), lengths, bucket_rows=4, seed=1)
    copy = pickle.loads(pickle.dumps(order))
    assert copy.facts() == order.facts()
    assert steps_of(ranks(copy, 7, 2))[0] == steps_of(ranks(order, 7, 2))[0]


def test_states_of_no_place_are_refused() -> None:
    order = EpochOrder(Dealt(deal(50, 10).share, 1), 8)
    state = order.state_dict()
    for shares in (None, 0, "2"):
        with pytest.raises(ValueError, match="a state in an epoch has a number of shares, not"):
            order.load_state_dict({**state, "row": 8, "shares": shares})
    with pytest.raises(ValueError, match="this state is of another order"):
        EpochOrder(InOrder(50), 8).load_state_dict(state)
