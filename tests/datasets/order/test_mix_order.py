"""Mixtures: exact shares in every epoch, and of each dataset all rows before any comes again."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings, strategies as st

from shardmill.datasets.order.mix_order import Mixed, shares

WEIGHTS = st.lists(
    st.one_of(st.integers(1, 100), st.floats(1e-6, 1e6)).map(float), min_size=1, max_size=6
)
MIXTURES = [
    # sizes, weights, rows
    ([10, 20], [1.0, 2.0], 30),
    ([10, 20], [1.0, 1.0], 20),
    ([7, 5, 3], [0.5, 0.3, 0.2], 23),
    ([100, 3], [0.1, 0.9], 50),
    ([1, 50], [1.0, 3.0], 16),
    ([4], [2.0], 9),
    ([40, 40], [1.0, 1.0], 10),
]


def epoch_of(order: Mixed, epoch: int) -> list[int]:
    chunks = -(-order.rows // order.chunk)
    return [int(row) for chunk in range(chunks) for row in order.numbers(epoch, chunk)]


def of_dataset(rows: list[int], sizes: list[int], at: int) -> list[int]:
    """Return those of `rows` that are of one dataset, numbered within it."""
    first = sum(sizes[:at])
    return [row - first for row in rows if first <= row < first + sizes[at]]


@pytest.mark.parametrize(("sizes", "weights", "rows"), MIXTURES)
def test_every_epoch_has_exact_shares(sizes: list[int], weights: list[float], rows: int) -> None:
    order = Mixed(sizes, weights, rows=rows, key=(1, 2))
    for epoch in range(5):
        drawn = epoch_of(order, epoch)
        of_each = [len(of_dataset(drawn, sizes, at)) for at in range(len(sizes))]
        assert of_each == shares(weights, rows)
        assert sum(of_each) == len(drawn) == rows


@pytest.mark.parametrize(("sizes", "weights", "rows"), MIXTURES)
def test_after_every_epoch_no_row_came_twice_more_than_another(
    sizes: list[int], weights: list[float], rows: int
) -> None:
    order = Mixed(sizes, weights, rows=rows, key=(1, 2))
    drawn: list[int] = []
    for epoch in range(12):
        drawn += epoch_of(order, epoch)
        counts = torch.bincount(torch.tensor(drawn), minlength=sum(sizes))
        for times in counts.split_with_sizes(sizes):
            assert int(times.max()) - int(times.min()) <= 1


def test_the_order_is_a_function_of_its_arguments_and_the_epoch() -> None:
    def order(*key: int, weights: tuple[float, ...] = (1, 2)) -> Mixed:
        return Mixed([300, 500], weights, rows=400, key=key)

    rows = epoch_of(order(1, 2), 3)
    torch.manual_seed(7)
    running = order(1, 2)
    assert [epoch_of(running, epoch) for epoch in range(4)][3] == rows
    assert epoch_of(order(1, 2, weights=(0.5, 1)), 3) == rows
    others = [epoch_of(order(1, 3), 3), epoch_of(order(2, 2), 3), epoch_of(order(1, 2), 4)]
    assert all(other != rows for other in others)


def test_datasets_are_mixed_all_along_the_epoch_and_their_rows_are_shuffled() -> None:
    rows = epoch_of(Mixed([5_000, 5_000], [1, 1], rows=10_000, key=(1,)), 0)
    first = torch.tensor(rows) < 5_000
    # Of 1000 draws without replacement, 500 in the mean; six standard deviations are 90.
    assert all(abs(int(part.sum()) - 500) < 90 for part in first.view(10, 1_000))
    runs = int((first[1:] != first[:-1]).sum())
    assert abs(runs - 5_000) < 300
    mine = torch.tensor(of_dataset(rows, [5_000, 5_000], 0))
    assert abs(int((mine.diff() > 0).sum()) - 2_500) < 150


def test_the_next_epoch_goes_on_with_the_rows_that_did_not_come() -> None:
    order = Mixed([40, 60], [1, 1], rows=40, key=(1,))
    two = [of_dataset(epoch_of(order, epoch), [40, 60], 0) for epoch in (0, 1)]
    assert sorted(two[0] + two[1]) == list(range(40))
    other = of_dataset(epoch_of(Mixed([40, 60], [1, 1], rows=40, key=(2,)), 0), [40, 60], 0)
    assert sorted(other) != sorted(two[0])  # which rows come first depends on the key as well


@pytest.mark.parametrize(
    ("weights", "rows", "expected"),
    [
        ([1, 1, 1], 10, [4, 3, 3]),
        ([1, 1, 1], 11, [4, 4, 3]),
        ([0.8, 0.2], 10, [8, 2]),
        ([5, 3, 1], 4, [2, 1, 1]),  # 2.22, 1.33 and 0.44: the last has the largest remainder
        ([1, 1_000_000], 10, [0, 10]),
        ([3], 7, [7]),
        ([1, 2], 0, [0, 0]),
    ],
)
def test_shares_by_largest_remainder(weights: list[float], rows: int, expected: list[int]) -> None:
    assert shares(weights, rows) == expected


@settings(max_examples=100, deadline=None)
@given(weights=WEIGHTS, rows=st.integers(0, 10**12))
def test_shares_add_up_and_are_within_one_of_the_proportion(
    weights: list[float], rows: int
) -> None:
    divided = shares(weights, rows)
    assert sum(divided) == rows
    total = sum(map(Fraction, weights))
    for weight, share in zip(weights, divided, strict=True):
        exact = Fraction(weight) * rows / total
        assert math.floor(exact) <= share <= math.ceil(exact)


@settings(max_examples=100, deadline=None)
@given(weights=WEIGHTS, rows=st.integers(0, 10**6), power=st.integers(-20, 20))
def test_only_the_proportions_of_weights_count(weights: list[float], rows: int, power: int) -> None:
    assert shares([weight * 2.0**power for weight in weights], rows) == shares(weights, rows)
    larger = sorted(range(len(weights)), key=lambda at: weights[at])
    ordered = [shares(weights, rows)[at] for at in larger]
    assert all(a <= b + 1 for a, b in pairwise(ordered))


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    data=st.data(),
    rows=st.integers(1, 60),
    epoch=st.integers(0, 10**6),
)
def test_rows_are_in_range_and_shares_exact_for_any_mixture(
    sizes: list[int], data: st.DataObject, rows: int, epoch: int
) -> None:
    weights = data.draw(
        st.lists(st.floats(0.01, 10), min_size=len(sizes), max_size=len(sizes)), "weights"
    )
    assume(0 not in shares(weights, rows))
    drawn = epoch_of(Mixed(sizes, weights, rows=rows, key=(0,)), epoch)
    assert all(0 <= row < sum(sizes) for row in drawn)
    of_each = [of_dataset(drawn, sizes, at) for at in range(len(sizes))]
    assert list(map(len, of_each)) == shares(weights, rows)
    for mine, size in zip(of_each, sizes, strict=True):
        counts = torch.bincount(torch.tensor(mine, dtype=torch.int64), minlength=size)
        # Part of a pass, whole passes, part of a pass: never two more of one row than of another.
        assert int(counts.max()) - int(counts.min()) <= 2
