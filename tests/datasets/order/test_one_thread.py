"""Orders are drawn in one thread, and torch keeps its threads for all else."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from torch import Tensor

from shardmill.datasets.order import one_thread as module
from shardmill.datasets.order.epoch_order import EpochOrder
from shardmill.datasets.order.mix_order import Mixed
from shardmill.datasets.order.one_thread import one_thread
from shardmill.datasets.order.row_order import (
    BlockShuffled,
    Bucketed,
    InOrder,
    RowOrder,
    Shuffled,
)
from shardmill.datasets.order.weighted_order import Weighted

GRAIN_ROWS = 2**15  # torch computes more than so many numbers in several threads

with_openmp = pytest.mark.skipif(
    sys.platform != "linux",
    reason="this torch has threads of another kind",
)


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def of_another_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@with_openmp
def test_torch_has_one_thread_inside_and_as_many_as_before_afterwards() -> None:
    others = of_another_thread()
    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            pass
        assert torch.get_num_threads() == 1
        assert of_another_thread() == others
    assert torch.get_num_threads() == 2
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 2
    assert of_another_thread() == others


@with_openmp
def test_a_thread_that_is_new_to_torch_has_one_thread_inside_too() -> None:
    def inside_and_after() -> tuple[int, int]:
        with one_thread():
            inside = torch.get_num_threads()
        return inside, torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(inside_and_after).result() == (1, of_another_thread())


def test_without_openmp_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_openmp", lambda: None)
    with one_thread():
        assert torch.get_num_threads() == 2


class Watched:
    """An order that keeps with how many threads its rows were drawn."""

    def __init__(self) -> None:
        self.rows, self.chunk, self.access = 100, 10, InOrder(100).access
        self.facts = InOrder(100).facts
        self.threads: set[int] = set()

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        self.threads.add(torch.get_num_threads())
        return InOrder(self.rows, self.chunk).numbers(epoch, chunk)


@with_openmp
def test_batches_are_drawn_in_one_thread_and_the_loop_has_all() -> None:
    order = Watched()
    for _ in EpochOrder(order, 5):
        assert torch.get_num_threads() == 2
    assert order.threads == {1}


def lengths(rows: Tensor) -> Tensor:
    return rows * 7_919 % 101


def unheard(start: int, stop: int) -> None:
    """Take no notice of what will be needed."""


ROWS = 4 * GRAIN_ROWS + 5
ORDERS: dict[str, Callable[[], RowOrder]] = {
    "shuffled": partial(Shuffled, ROWS, 1),
    "shuffled without a table": partial(Shuffled, 3 * ROWS, 1),
    "blocks": partial(BlockShuffled, ROWS, 1, block_rows=GRAIN_ROWS // 32, will_need=unheard),
    "weighted": partial(Weighted, torch.arange(ROWS), 1),
    "mixed": partial(Mixed, [ROWS, 50], [1, 2], rows=ROWS, key=(1,)),
    "buckets": partial(Bucketed, Shuffled(ROWS, 1), lengths, bucket_rows=640, seed=1),
}


@pytest.mark.parametrize("name", ORDERS)
def test_threads_change_no_number(name: str) -> None:
    drawn = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        order = ORDERS[name]()
        plain = [order.numbers(2, chunk) for chunk in range(2)]
        batches = list(EpochOrder(order, GRAIN_ROWS + 1, rank=1, world_size=2))
        drawn.append([*plain, *batches])
    assert [rows.tolist() for rows in drawn[0]] == [rows.tolist() for rows in drawn[1]]


def test_whoever_changes_a_batch_does_not_change_the_order() -> None:
    order = EpochOrder(Shuffled(50, 1), 8)
    batches = [rows.tolist() for rows in order]
    order.set_epoch(0)
    for rows in order:
        rows.zero_()
    order.set_epoch(0)
    assert [rows.tolist() for rows in order] == batches
