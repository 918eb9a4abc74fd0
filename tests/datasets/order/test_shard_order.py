"""An order that needs few shards at a time, and says which ones come next."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from shardmill.datasets.order.node_order import NodeBlocks
from shardmill.datasets.order.shard_order import GROUP_SHARDS, ShardGroups

EPOCHS = 3


def groups_of(
    sizes: Sequence[int],
    block_rows: int,
    nodes: int = 1,
    node: int = 0,
    *,
    told: Callable[[int, int], None] = lambda start, stop: None,
) -> ShardGroups:
    """The share of a node of shards of these rows."""
    starts = np.cumsum([0, *sizes[:-1]])
    of = NodeBlocks(
        starts, sum(sizes), seed=1, block_rows=block_rows, will_need=told, at_shard=True
    )
    return ShardGroups(of, nodes=nodes, node=node)


def rows_of(order: ShardGroups, epoch: int) -> torch.Tensor:
    chunks = range(-(-order.rows // order.chunk))
    none = torch.arange(0)  # of a node that has no rows
    return torch.cat([none, *(order.numbers(epoch, chunk) for chunk in chunks)])


def shards_in_turn(sizes: Sequence[int], rows: torch.Tensor) -> list[int]:
    """The shards of rows, each where it is used first, and again where it is used after a gap."""
    ends = np.cumsum(sizes)
    shards = np.searchsorted(ends, rows.numpy(), side="right")
    held: dict[int, None] = {}
    brought = []
    for shard in shards.tolist():
        if shard not in held:
            brought.append(shard)
        held.pop(shard, None)
        held[shard] = None  # used last
        if len(held) > GROUP_SHARDS:
            del held[next(iter(held))]
    return brought


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    block_rows=st.integers(1, 50),
    nodes=st.integers(1, 3),
)
def test_a_cache_of_a_group_brings_each_shard_of_a_share_once(
    sizes: list[int], block_rows: int, nodes: int
) -> None:
    for epoch in range(EPOCHS):
        brought = []
        for node in range(nodes):
            of_node = shards_in_turn(
                sizes, rows_of(groups_of(sizes, block_rows, nodes, node), epoch)
            )
            assert len(of_node) == len(set(of_node))
            brought += of_node
        assert set(brought) == set(range(len(sizes)))
        assert len(brought) <= len(sizes) + nodes - 1  # where a share ends within a shard


def test_rows_of_a_group_are_mixed_and_shards_meet_others_in_each_epoch() -> None:
    sizes = [100] * 40
    order = groups_of(sizes, 5)
    together = []
    for epoch in range(EPOCHS):
        shards = (rows_of(order, epoch) // 100).tolist()
        size = 100 * GROUP_SHARDS
        groups = [set(shards[first : first + size]) for first in range(0, len(shards), size)]
        assert {len(group) for group in groups} == {GROUP_SHARDS}
        few = [set(shards[first : first + 50]) for first in range(0, len(shards), 50)]
        assert min(map(len, few)) >= GROUP_SHARDS - 1
        together.append(sorted(map(sorted, groups)))
    assert together[0] != together[1] != together[2]


@pytest.mark.parametrize(("shards", "groups"), [(3, [3]), (5, [2, 3]), (9, [3, 3, 3]), (8, [4, 4])])
def test_no_shard_is_left_alone(shards: int, groups: list[int]) -> None:
    found = (rows_of(groups_of([10] * shards, 1), 0) // 10).tolist()
    for size in groups:
        part, found = found[: 10 * size], found[10 * size :]
        assert len(set(part)) == size
    assert not found


@pytest.mark.parametrize("block_rows", [1, 7, 1_000])
def test_shards_are_announced_in_turn_before_they_are_read(block_rows: int) -> None:
    sizes = [100] * 21 + [30]
    told: list[int] = []
    order = groups_of(sizes, block_rows, told=lambda start, stop: told.extend((start, stop - 1)))
    for epoch in range(EPOCHS):
        heard: set[int] = set()
        for chunk in range(-(-order.rows // order.chunk)):
            told.clear()
            rows = order.numbers(epoch, chunk)
            announced = {row // 100 for row in told}
            if chunk:  # the first ones are announced when they are wanted
                assert set((rows // 100).tolist()) <= heard
            heard |= announced
            # Those of two groups at most are new, however many there are.
            assert len(announced) <= 3 * GROUP_SHARDS
        assert heard == set(range(22))
