"""Batches of every rank: each row once an epoch, and exactly the rest of it after any stop."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from epoch_steps import State, Step, rows_of, steps_of
from hypothesis import given, settings, strategies as st

import shardmill
from shardmill.datasets.order.epoch_order import EpochOrder
from shardmill.datasets.order.place import Place
from shardmill.datasets.order.ranks import rank_and_world_size
from shardmill.datasets.order.row_order import Bucketed, InOrder, RowOrder, Shuffled

ROWS = st.integers(0, 60)
BATCH = st.integers(1, 7)
WORLD = st.integers(1, 5)
CHUNK = st.integers(1, 9)


def ranks(order: RowOrder, batch_size: int, world_size: int, **options: Any) -> list[EpochOrder]:
    return [
        EpochOrder(order, batch_size, rank=rank, world_size=world_size, **options)
        for rank in range(world_size)
    ]


def check_epoch(steps: list[Step], expected: list[int]) -> None:
    """Check that steps have all rows in order; the last may repeat its own if they are too few."""
    for step in steps:
        sizes = [len(rows) for rows in step]
        assert min(sizes) >= 1
        assert max(sizes) - min(sizes) <= 1
    last = rows_of(steps[-1:])
    if steps and len(set(last)) < len(steps[-1]):
        assert len(last) == len(steps[-1])
        last = list(dict.fromkeys(last))
    assert rows_of(steps[:-1]) + last == expected


# rows, batch_size, world_size, drop_last, the steps
TABLE: list[tuple[int, int, int, bool, list[Step]]] = [
    (0, 4, 2, False, []),
    (6, 3, 2, False, [[[0, 1, 2], [3, 4, 5]]]),
    (5, 3, 1, False, [[[0, 1, 2]], [[3, 4]]]),
    # What is left divides evenly, or as evenly as may be.
    (10, 3, 2, False, [[[0, 1, 2], [3, 4, 5]], [[6, 7], [8, 9]]]),
    (9, 3, 2, False, [[[0, 1, 2], [3, 4, 5]], [[6], [7, 8]]]),
    # One row would be left for two ranks: the step before leaves one for each.
    (7, 3, 2, False, [[[0, 1], [2, 3]], [[4], [5, 6]]]),
    (13, 3, 2, False, [[[0, 1, 2], [3, 4, 5]], [[6, 7], [8, 9]], [[10], [11, 12]]]),
    # Batches of one row, and fewer rows than ranks: the last step repeats its own.
    (5, 1, 3, False, [[[0], [1], [2]], [[3], [4], [3]]]),
    (2, 4, 3, False, [[[0], [1], [0]]]),
    # Dropped: what does not fill a step.
    (7, 3, 2, True, [[[0, 1, 2], [3, 4, 5]]]),
    (12, 3, 2, True, [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]),
    (5, 3, 2, True, []),
]


@pytest.mark.parametrize(("rows", "batch_size", "world_size", "drop_last", "steps"), TABLE)
def test_steps(
    rows: int, batch_size: int, world_size: int, drop_last: bool, steps: list[Step]
) -> None:
    orders = ranks(InOrder(rows, chunk=4), batch_size, world_size, drop_last=drop_last)
    assert steps_of(orders)[0] == steps
    assert [len(order) for order in orders] == [len(steps)] * world_size


@settings(max_examples=200, deadline=None)
@given(rows=ROWS, batch_size=BATCH, world_size=WORLD, drop_last=st.booleans(), chunk=CHUNK)
def test_all_ranks_together_have_every_row_once(
    rows: int, batch_size: int, world_size: int, drop_last: bool, chunk: int
) -> None:
    orders = ranks(InOrder(rows, chunk=chunk), batch_size, world_size, drop_last=drop_last)
    steps, state = steps_of(orders)
    assert {len(order) for order in orders} == {len(steps)}
    assert all(len(batch) <= batch_size for step in steps for batch in step)
    assert state["epoch"] == 1
    assert state["row"] == 0
    if drop_last:
        kept = rows_of(steps)
        assert kept == list(range(len(kept)))
        assert rows - len(kept) < batch_size * world_size
        assert all(len(batch) == batch_size for step in steps for batch in step)
    else:
        check_epoch(steps, list(range(rows)))
        if rows >= world_size and batch_size > 1:
            assert len(rows_of(steps)) == rows  # and none is repeated


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, batch_size=BATCH, world_size=WORLD, seed=st.integers(0, 3))
def test_the_order_of_rows_does_not_depend_on_ranks(
    rows: int, batch_size: int, world_size: int, seed: int
) -> None:
    def order() -> RowOrder:
        return Bucketed(Shuffled(rows, seed), lambda rows: rows % 3, bucket_rows=2, seed=seed)

    alone = rows_of(steps_of([EpochOrder(order(), 1)])[0])
    assert sorted(alone) == list(range(rows))
    check_epoch(steps_of(ranks(order(), batch_size, world_size))[0], alone)


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, batch_size=BATCH, world_size=WORLD, drop_last=st.booleans(), data=st.data())
def test_groups_of_any_size_are_the_same_batches(
    rows: int, batch_size: int, world_size: int, drop_last: bool, data: st.DataObject
) -> None:
    row, at_once = data.draw(st.integers(0, rows), "row"), data.draw(st.integers(1, 9), "at once")
    for order in ranks(InOrder(rows, chunk=5), batch_size, world_size, drop_last=drop_last):
        groups = list(order.groups(Place(0, row), at_once))
        order.load_state_dict({**order.state_dict(), "row": row})
        assert [rows.tolist() for group in groups for rows in group] == [r.tolist() for r in order]
        assert all(1 <= len(group) <= at_once for group in groups)


LEGS = st.lists(st.tuples(BATCH, WORLD, st.integers(0, 6)), max_size=6)


@settings(max_examples=200, deadline=None)
@given(rows=ROWS, legs=LEGS, batch_size=BATCH, world_size=WORLD)
def test_what_stops_and_goes_on_with_other_ranks_has_every_row_once(
    rows: int, legs: list[tuple[int, int, int]], batch_size: int, world_size: int
) -> None:
    source = Shuffled(rows, 1)
    epochs: dict[int, list[Step]] = {}
    state: State = ranks(source, 1, 1)[0].state_dict()
    for size, world, batches in [*legs, (batch_size, world_size, rows)]:
        orders = ranks(Shuffled(rows, 1), size, world)
        for order in orders:
            order.load_state_dict(state)
            assert order.state_dict() == state
        steps, after = steps_of(orders, batches)
        epochs.setdefault(state["epoch"], []).extend(steps)
        if rows:
            assert after["epoch"] == state["epoch"] or after["row"] == 0
        state = after
    assert state["row"] == 0
    for epoch, steps in epochs.items():
        check_epoch(steps, rows_of(steps_of([_at(source, epoch)])[0]))


def _at(source: RowOrder, epoch: int) -> EpochOrder:
    order = EpochOrder(source, 4)
    order.set_epoch(epoch)
    return order


def test_the_state_after_the_last_batch_is_the_start_of_the_next_epoch() -> None:
    for drop_last in (False, True):
        order = EpochOrder(Shuffled(10, 1), 4, drop_last=drop_last)
        iterator = iter(order)
        for _ in range(len(order)):
            next(iterator)
        facts = Shuffled(10, 1).facts()
        assert order.state_dict() == {"epoch": 1, "row": 0, "data": "", **facts}
        assert next(iterator, None) is None
        assert order.state_dict() == {"epoch": 1, "row": 0, "data": "", **facts}
        assert order.next_place == Place(1, 0)


def test_each_iteration_is_the_next_epoch() -> None:
    order = EpochOrder(Shuffled(50, 1), 8)
    epochs = [rows_of(steps_of([order])[0]) for _ in range(3)]
    for epoch in (2, 0, 1):
        order.set_epoch(epoch)
        assert order.next_place == Place(epoch, 0)
        assert rows_of(steps_of([order])[0]) == epochs[epoch]
    assert epochs[0] != epochs[1] != epochs[2]


def test_an_iteration_that_was_left_is_followed_by_the_next_epoch() -> None:
    order = EpochOrder(Shuffled(50, 1), 8)
    next(iter(order))
    assert order.state_dict()["row"] == 8  # to go on there, if the state is loaded
    assert rows_of(steps_of([order])[0]) == rows_of(steps_of([_at(Shuffled(50, 1), 1)])[0])


def test_setting_the_epoch_goes_on_in_one_that_was_resumed_and_begins_any_other() -> None:
    order = EpochOrder(Shuffled(50, 1), 8)
    state = {**order.state_dict(), "epoch": 3, "row": 24}
    for epoch, place in ((3, Place(3, 24)), (4, Place(4, 0)), (0, Place(0, 0))):
        order.load_state_dict(state)
        order.set_epoch(epoch)
        assert order.next_place == place
        assert order.state_dict() == {**state, "epoch": place.epoch, "row": place.row}
    order.set_epoch(0)
    next(iter(order))
    order.set_epoch(0)  # one that was left in the middle begins again
    assert order.next_place == Place(0, 0)


def test_a_state_is_loaded_in_the_middle_of_an_iteration() -> None:
    order = EpochOrder(Shuffled(50, 1), 8)
    state = {**order.state_dict(), "epoch": 3, "row": 24}
    next(iter(order))
    order.load_state_dict(state)
    assert order.state_dict() == state
    assert next(iter(order)).tolist() == rows_of(steps_of([_at(Shuffled(50, 1), 3)])[0])[24:32]


@pytest.mark.parametrize(
    ("other", "there", "here"),
    [
        (EpochOrder(Shuffled(50, 2), 8, data="a"), "{'seed': 2}", "{'seed': 1}"),
        (EpochOrder(Shuffled(49, 1), 8, data="a"), "{'rows': 49}", "{'rows': 50}"),
        (EpochOrder(Shuffled(50, 1), 8, data="b"), "{'data': 'b'}", "{'data': 'a'}"),
        (
            EpochOrder(InOrder(50), 8, data="a"),
            "{'order': 'stored', 'seed': None}",
            "{'order': 'shuffled', 'seed': 1}",
        ),
    ],
)
def test_the_state_of_another_order_is_refused(other: EpochOrder, there: str, here: str) -> None:
    order = EpochOrder(Shuffled(50, 1), 8, data="a")
    order.set_epoch(5)
    with pytest.raises(ValueError, match="this state is of another order") as error:
        order.load_state_dict(other.state_dict())
    assert f"it has {there}, and this loader {here};" in str(error.value)
    assert order.next_place == Place(5, 0)


def test_wrong_sizes_and_ranks_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        EpochOrder(InOrder(5), 0)
    for rank, world_size in ((2, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match=f"rank must be .*, not {rank} of {world_size}"):
            EpochOrder(InOrder(5), 1, rank=rank, world_size=world_size)


def test_rank_and_world_size_go_together() -> None:
    assert rank_and_world_size(2, 3) == (2, 3)
    assert rank_and_world_size(0, 1) == (0, 1)
    assert rank_and_world_size(None, None) == (0, 1)
    for rank, world_size in ((0, None), (None, 1)):
        with pytest.raises(ValueError, match="rank and world_size go together: give both, or"):
            rank_and_world_size(rank, world_size)


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"prefetch": 3}])
def test_a_loader_counts_what_the_loop_was_given(
    sample_artifacts: Path, options: dict[str, Any]
) -> None:
    ds = shardmill.open(sample_artifacts / "titanic")
    batches = [rows.tolist() for rows in _at(Shuffled(len(ds), 1), 0)]

    loader = ds.loader(4, shuffle=True, seed=1, **options)
    assert loader.state_dict()["row"] == 0
    iterator = iter(loader)
    for count in (1, 2, 3, 4, 5):
        x = next(iterator)[0]
        assert torch.equal(x, ds[batches[count - 1]][0])
        assert loader.state_dict()["row"] == 4 * count
    state = json.loads(json.dumps(loader.state_dict()))
    del iterator
    loader.load_state_dict({**state, "row": 8})
    assert loader.state_dict()["row"] == 8

    again = ds.loader(4, shuffle=True, seed=1, **options)
    again.load_state_dict(state)
    rest = [y for _, y in again]
    assert len(rest) == len(batches) - 5
    assert torch.equal(torch.cat(rest), ds[[row for rows in batches[5:] for row in rows]][1])
    after = again.state_dict()
    assert (after["epoch"], after["row"]) == (1, 0)
