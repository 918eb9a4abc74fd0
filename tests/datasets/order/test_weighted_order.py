"""Draws by weights: in proportion to them, and those that the sums of all rows would give."""

import hashlib
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import assume, given, settings, strategies as st
from torch import Tensor

from shardmill.datasets.order import weighted_order
from shardmill.datasets.order.permutation import generator
from shardmill.datasets.order.weighted_order import Weighted, class_weights

UNLIKELY = 1e-6


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weighted_order, "CHUNK_ROWS", 256)
        yield


def epoch_of(order: Weighted, epoch: int) -> Tensor:
    chunks = -(-order.rows // order.chunk)
    return torch.cat([order.numbers(epoch, chunk) for chunk in range(chunks)])


def chi_square(counts: Tensor, expected: Tensor) -> float:
    """Return how likely counts are further from the expected ones than these."""
    statistic = ((counts - expected) ** 2 / expected).sum()
    return float(torch.special.gammaincc(torch.tensor((len(counts) - 1) / 2), statistic / 2))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.int64])
def test_draws_are_in_proportion_to_weights(dtype: torch.dtype) -> None:
    of_class = torch.arange(10_000) % 5  # weights 0, 1, 2, 3 and 4
    order = Weighted(of_class.to(dtype), 1)
    for epoch in (0, 1):
        rows = epoch_of(order, epoch)
        counts = torch.bincount(of_class[rows], minlength=5)
        assert counts[0] == 0
        expected = torch.arange(1, 5) * 1_000.0
        assert chi_square(counts[1:], expected) > UNLIKELY > chi_square(counts[1:], expected + 250)
        tenths = torch.bincount(rows // 1_000, minlength=10)  # evenly over the rows
        assert chi_square(tenths, torch.full((10,), 1_000.0)) > UNLIKELY


@pytest.mark.parametrize("alone", [0, 499, 999])
@pytest.mark.parametrize("draw", [torch.rand, torch.zeros, torch.ones])  # any, the least, rounded
def test_a_row_of_weight_0_is_never_drawn(
    alone: int, draw: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = torch.zeros(1_000)
    weights[alone] = 0.1
    monkeypatch.setattr(torch, "rand", lambda n, dtype, **_: draw(n, dtype=dtype))
    assert epoch_of(Weighted(weights, 1), 0).tolist() == [alone] * 1_000


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -0.1], "weights are numbers, none below 0, in one dimension"),
        ([1.0, float("nan")], "weights are numbers, none below 0"),
        ([[1.0, 2.0]], r"weights .* in one dimension"),
        ([0.0, 0.0], "the sum of all weights must be above 0"),
    ],
)
def test_wrong_weights_are_refused(weights: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Weighted(torch.tensor(weights), 1)


def test_class_weights_make_classes_equally_likely() -> None:
    targets = torch.tensor([0] * 9_000 + [2] * 900 + [3] * 100)  # none of class 1
    found = class_weights(lambda start, stop: targets[start:stop], len(targets), classes=4, of="ds")
    weights = found.weights[found.classes.long()]
    sums = torch.zeros(4, dtype=torch.float64).index_add(0, targets, weights)
    assert torch.allclose(sums, torch.tensor([1.0, 0.0, 1.0, 1.0], dtype=torch.float64))


def drawn_from_all_sums(weights: Tensor, seed: int, epoch: int) -> list[int]:
    """Return the draws of an epoch, found in a table of the sums of all rows."""
    chunk_rows = Weighted(weights, seed).chunk
    sums = torch.cumsum(weights.double(), 0)
    last = int(torch.searchsorted(sums, sums[-1]))
    rows: list[int] = []
    for start in range(0, len(weights), chunk_rows):
        draws = min(len(weights) - start, chunk_rows)
        source = generator(seed, "draws", epoch, start // chunk_rows)
        drawn = torch.rand(draws, generator=source, dtype=torch.float64) * sums[-1]
        rows += torch.searchsorted(sums, drawn, right=True).clamp(max=last).tolist()
    return rows


WEIGHT = st.one_of(st.just(0.0), st.floats(0, 1e300), st.floats(0, 1e-300), st.integers(0, 3))


@settings(max_examples=100, deadline=None)
@given(some=st.lists(WEIGHT, min_size=1, max_size=9), rows=st.integers(1, 700), data=st.data())
def test_held_sums_draw_what_the_sums_of_all_rows_would(
    some: list[float], rows: int, data: st.DataObject
) -> None:
    dtype = data.draw(st.sampled_from([torch.float64, torch.float32]))
    weights = torch.tensor(some, dtype=dtype).clamp(max=1e35).repeat(rows)[:rows]
    weights = weights[torch.randperm(rows, generator=generator(rows))]
    assume(float(weights.double().sum()) > 0)
    assert epoch_of(Weighted(weights, 1), 2).tolist() == drawn_from_all_sums(weights, 1, 2)


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 128, 1_000])
@pytest.mark.parametrize("piece_blocks", [1, 3, 4_096])
def test_draws_do_not_depend_on_how_weights_are_added_up(
    rows: int, piece_blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighted_order, "PIECE_BLOCKS", piece_blocks)
    weights = torch.rand(rows, generator=generator(1))
    order = Weighted(weights, 1)
    assert epoch_of(order, 0).tolist() == drawn_from_all_sums(weights, 1, 0)
    assert order.facts()["weights"] == _digest(weights)


def _digest(weights: Tensor) -> str:
    return hashlib.blake2b(weights.double().numpy().tobytes(), digest_size=8).hexdigest()


def held_bytes(order: Weighted) -> dict[str, int]:
    """Return how much memory the arrays of an order take, by the names of its attributes."""
    return {name: array.nbytes for name, array in vars(order).items() if hasattr(array, "nbytes")}


def test_weights_are_not_copied_and_an_eighth_of_a_byte_is_held_for_a_row() -> None:
    weights = torch.rand(100_000)
    order = Weighted(weights, 1)
    assert order._numbers.data_ptr() == weights.data_ptr()
    assert held_bytes(order) == {"_numbers": 400_000, "_sums": 8 * (100_000 // 64 + 2)}
    of_classes = class_weights(
        lambda start, stop: torch.arange(start, stop) % 10, 100_000, classes=10, of="ds"
    )
    held = held_bytes(Weighted(of_classes, 1))
    assert held == {"_numbers": 100_000, "_of_class": 80, "_sums": 8 * (100_000 // 64 + 2)}


@pytest.mark.parametrize("classes", [3, 256, 257, 70_000])
def test_weights_of_classes_are_drawn_as_weights_of_rows(classes: int) -> None:
    targets = torch.arange(5_000) ** 2 % classes
    found = class_weights(lambda a, b: targets[a:b], 5_000, classes=classes, of="ds")
    plain = Weighted((1.0 / torch.bincount(targets).double())[targets], 1)
    order = Weighted(found, 1)
    assert order.facts() == plain.facts()
    assert torch.equal(epoch_of(order, 0), epoch_of(plain, 0))


def test_weights_that_were_changed_are_refused() -> None:
    weights = torch.ones(1_000)
    order = Weighted(weights, 1)
    order.numbers(0, 0)
    weights[500:] *= 2
    with pytest.raises(ValueError, match="the weights have been changed since the loader was made"):
        order.numbers(0, 0)
