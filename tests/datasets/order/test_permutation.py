"""Permutations: bijections that a key describes, and that show no trace of how they are made."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings, strategies as st

from shardmill.datasets.order import permutation
from shardmill.datasets.order.permutation import TABLE_ROWS, Permutation, derived_key, generator

BILLION = 10**9
WINDOW = 2**18
BINS = 64
UNLIKELY = 1e-6  # keys are fixed: a test fails always or never, and once for a million good keys
LAGS = (1, 2, 7, 64, 1024)
KEY = st.tuples(st.integers(0, 2**63), st.sampled_from(["rows", "blocks"]), st.integers(0, 9))
SMALL = st.one_of(st.sampled_from([1, 2, 3, 4, 5, 255, 256, 257]), st.integers(1, 1_500))

Rows = npt.NDArray[np.int64]


def computed(n: int, *key: int | str, rounds: int) -> Permutation:
    """Return a permutation above the largest table, of another number of rounds."""
    made = Permutation(n, *key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(permutation, "_ROUNDS", rounds)
        made.between(0, 1)  # the keys of all rounds are made here, and kept
    return made


def all_rows(n: int, *key: int | str, table: bool) -> list[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(permutation, "TABLE_ROWS", n if table else 0)
        return [int(row) for row in Permutation(n, *key).between(0, n)]


@settings(max_examples=60, deadline=None)
@given(n=SMALL, key=KEY, table=st.booleans())
def test_every_row_has_one_position(n: int, key: tuple[int, str, int], table: bool) -> None:
    assert sorted(all_rows(n, *key, table=table)) == list(range(n))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16])
@pytest.mark.parametrize("table", [True, False])
def test_every_row_comes_to_every_position_for_some_key(n: int, table: bool) -> None:
    met: set[tuple[int, int]] = set()
    for seed in range(25 * n):  # all of them miss a given pair once in e^25 times
        met.update(enumerate(all_rows(n, seed, table=table)))
    assert met == {(position, row) for position in range(n) for row in range(n)}


@pytest.mark.parametrize("table", [True, False])
def test_a_permutation_of_nothing_is_empty(table: bool) -> None:
    assert all_rows(0, 1, table=table) == []


@pytest.mark.parametrize("n", [TABLE_ROWS - 1, TABLE_ROWS, TABLE_ROWS + 1, TABLE_ROWS + 4_321])
def test_every_row_has_one_position_on_both_sides_of_the_largest_table(n: int) -> None:
    rows = Permutation(n, 5, "rows", 0).between(0, n)
    assert rows.dtype == torch.int64
    assert torch.equal(rows.sort().values, torch.arange(n))


@pytest.mark.parametrize("n", [BILLION, 2**32, 2**32 + 1, 10**14])
def test_rows_of_large_permutations_are_different_and_in_range(n: int) -> None:
    order = Permutation(n, 5)
    rows = torch.cat([order.between(0, 50_000), order.between(n - 50_000, n)])
    assert len(torch.unique(rows)) == 100_000
    assert 0 <= int(rows.min()) < n // 1_000
    assert n - n // 1_000 < int(rows.max()) < n


@settings(max_examples=60, deadline=None)
@given(n=st.sampled_from([7, 1_000, TABLE_ROWS, TABLE_ROWS + 1, BILLION]), data=st.data(), key=KEY)
def test_at_and_between_agree(n: int, data: st.DataObject, key: tuple[int, str, int]) -> None:
    start = data.draw(st.integers(0, n), "start")
    stop = data.draw(st.integers(start, min(start + 50, n)), "stop")
    order = Permutation(n, *key)
    rows = order.between(start, stop)
    positions = torch.arange(start, stop)
    before = positions.clone()
    assert torch.equal(order.at(positions), rows)
    assert torch.equal(order.at(positions.flip(0)), rows.flip(0))
    assert torch.equal(positions, before)
    assert rows.shape == (stop - start,)
    assert rows.dtype == order.at(positions).dtype == torch.int64


@pytest.mark.parametrize("n", [1_000, TABLE_ROWS + 1, BILLION])
def test_the_key_alone_decides(n: int) -> None:
    rows = Permutation(n, 1, "rows", 0).between(0, 1_000)
    torch.manual_seed(99)
    assert torch.equal(Permutation(n, 1, "rows", 0).between(0, 1_000), rows)
    for other in [(2, "rows", 0), (1, "blocks", 0), (1, "rows", 1), (1, "rows")]:
        same = Permutation(n, *other).between(0, 1_000) == rows
        # Two permutations of n rows agree in one place on average.
        assert int(same.sum()) < 10


def test_making_one_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    Permutation(100, 1).between(0, 100)
    generator(3, "mix")
    assert torch.equal(torch.get_rng_state(), before)


# The stream of computed permutations: whoever changes these breaks the resuming of old states.
GOLDEN = [
    (BILLION, 0, [158512907, 878750595, 374818354, 224069018]),
    (BILLION, BILLION - 4, [125636506, 193139545, 26118638, 710152324]),
    (TABLE_ROWS + 1, 0, [242617, 30450, 54114, 66444]),
    (2**20, 0, [151569, 23393, 1009454, 248626]),
    (10**14, 0, [17461487737653, 71877997152399, 31780857052162, 11066264738833]),
]


@pytest.mark.parametrize(("n", "start", "rows"), GOLDEN)
def test_the_stream_of_computed_permutations_stays(n: int, start: int, rows: list[int]) -> None:
    assert Permutation(n, 7, "rows", 3).between(start, start + 4).tolist() == rows


def test_the_stream_of_tiny_computed_permutations_stays() -> None:
    assert all_rows(10, 7, "rows", 3, table=False) == [3, 6, 9, 2, 4, 0, 5, 8, 1, 7]


def test_derived_keys_stay() -> None:
    assert derived_key(0) == 4246866556266386882
    assert derived_key(7, "rows", 3) == 9142141994092327647


def test_derived_keys_depend_on_every_step_and_have_63_bits() -> None:
    paths: list[tuple[int | str, ...]] = [(), (0,), (1,), ("a",), (0, "a"), ("a", 0), (0, 0)]
    keys = {derived_key(seed, *path) for seed in range(200) for path in paths}
    assert len(keys) == 200 * len(paths)
    assert all(0 <= key < 2**63 for key in keys)
    assert max(keys) > 2**62


def chi_square(cells: Rows, freedom: int) -> float:
    """Return how likely counts are more uneven than these, if all cells are equally likely."""
    counts = np.bincount(cells, minlength=BINS * BINS)
    expected = len(cells) / BINS**2
    statistic = float(((counts - expected) ** 2).sum() / expected)
    half = torch.tensor([freedom / 2, statistic / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(half[0], half[1]))


def serial(rows: Rows, lag: int) -> float:
    """Return how likely rows `lag` apart are correlated more than these, either way."""
    scaled = (rows - rows.mean()) / rows.std()
    correlation = float((scaled[:-lag] * scaled[lag:]).mean())
    return math.erfc(abs(correlation) * math.sqrt((len(rows) - lag) / 2))


def suspicious(order: Permutation, start: int, stop: int) -> set[str]:
    """Return the tests that a stretch of a permutation fails."""
    rows = order.between(start, stop).numpy()
    bins = rows * BINS // order.n
    places = np.arange(stop - start) * BINS // (stop - start)
    ends = rows % BINS
    # Of a whole permutation, the sums over each position and over each row are known.
    whole = stop - start == order.n
    # Positions that share the half that the first round reads.
    step = 1 << ((order.n - 1).bit_length() // 2)
    differences = (rows[step:] - rows[:-step]) % order.n * BINS**2 // order.n
    likely = {
        "grid": chi_square(places * BINS + bins, (BINS - 1) ** 2 if whole else BINS**2 - 1),
        "pairs": chi_square(bins[:-1] * BINS + bins[1:], BINS**2 - 1),
        "last bits": chi_square(ends[:-1] * BINS + ends[1:], BINS**2 - 1),
        "differences": chi_square(differences, BINS**2 - 1),
    }
    likely |= {f"lag {lag}": serial(rows, lag) for lag in LAGS}
    # Counts may be too even as well; correlations have both ends in one probability.
    return {
        name
        for name, p in likely.items()
        if p < UNLIKELY or (p > 1 - UNLIKELY and "lag" not in name)
    }


STRETCHES = [
    (BILLION, 0, WINDOW),
    (BILLION, BILLION - WINDOW, BILLION),
    (BILLION, 123_456_789, 123_456_789 + WINDOW),
    (2**20, 0, 2**20),
    (2**20, 300_000, 300_000 + WINDOW),
    (TABLE_ROWS + 1, 0, TABLE_ROWS + 1),
]


@pytest.mark.parametrize(("n", "start", "stop"), STRETCHES)
def test_computed_permutations_look_random(n: int, start: int, stop: int) -> None:
    for seed in range(3):
        assert suspicious(Permutation(n, seed, "rows", 0), start, stop) == set()


def test_permutations_of_two_epochs_look_unrelated() -> None:
    for n in (BILLION, 2**20):
        first, second = (
            Permutation(n, 1, "rows", epoch).between(0, WINDOW).numpy() * BINS // n
            for epoch in (0, 1)
        )
        assert UNLIKELY < chi_square(first * BINS + second, BINS**2 - 1) < 1 - UNLIKELY


# How many rounds of how many rows, and the tests that find it for every key.
TOO_FEW = [
    (1, BILLION, {"pairs", "last bits"}),
    (1, 2**20, {"grid", "pairs", "last bits", "lag 1024"}),
    (2, BILLION, {"pairs"}),
    (2, 2**20, {"grid", "pairs", "lag 1024"}),
    (3, 2**20, {"differences"}),
    (4, 2**20, {"differences"}),
]


@pytest.mark.parametrize(("rounds", "n", "found"), TOO_FEW)
def test_the_same_tests_find_permutations_of_too_few_rounds(
    rounds: int, n: int, found: set[str]
) -> None:
    for seed in range(3):
        order = computed(n, seed, "rows", 0, rounds=rounds)
        assert found <= suspicious(order, 0, 4 * WINDOW)


def test_each_of_the_tests_finds_something() -> None:
    orders = [computed(2**20, seed, "rows", 0, rounds=1) for seed in range(6)]
    found = set[str]().union(*(suspicious(order, 0, WINDOW) for order in orders))
    lags = {f"lag {lag}" for lag in LAGS}
    assert found == {"grid", "pairs", "last bits", "differences"} | lags
