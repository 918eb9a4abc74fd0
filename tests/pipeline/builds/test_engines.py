"""A build gives the same bytes wherever its tasks run, and leaves nothing running."""

import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine_builds import build_all
from golden_build import write_raw

from shardmill.errors import WorkerError
from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.builds.executor_engine import ExecutorEngine
from shardmill.pipeline.builds.process_engine import ProcessEngine

POWERS = [(n, 2) for n in range(20)]
SQUARES = [n**2 for n in range(20)]


def test_every_engine_builds_the_same_bytes(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    write_raw(raw)
    with ProcessEngine(1) as engine:
        one = build_all(raw, tmp_path / "one", engine)
    assert sum(name.endswith(".safetensors") for name in one) == 4
    with ProcessEngine(2) as engine:
        assert build_all(raw, tmp_path / "processes", engine) == one
    with ThreadPoolExecutor(3) as threads, ExecutorEngine(threads, 3) as engine:
        assert build_all(raw, tmp_path / "threads", engine) == one


def engines() -> list[Callable[[Executor], Engine]]:
    return [lambda threads: ExecutorEngine(threads, 3), lambda _: ProcessEngine(2)]


@pytest.mark.parametrize("make", engines())
def test_results_come_in_order(make: Callable[[Executor], Engine]) -> None:
    with ThreadPoolExecutor(3) as threads, make(threads) as engine:
        assert list(engine.run(pow, POWERS)) == SQUARES


def test_results_are_consumed_as_they_come() -> None:
    taken: list[int] = []

    def arguments() -> Any:
        for n in range(100):
            taken.append(n)
            yield (n, 2)

    with ThreadPoolExecutor(2) as threads, ExecutorEngine(threads, 2) as engine:
        results = engine.run(pow, arguments())
        assert next(results) == 0
        assert len(taken) < 20  # the others wait until there is room


def test_nothing_runs_after_an_early_end() -> None:
    begun, go_on = threading.Event(), threading.Event()
    ran: list[int] = []

    def task(n: int) -> int:
        if n:
            begun.set()
            go_on.wait(10)
        ran.append(n)
        return n

    with ThreadPoolExecutor(1) as threads, ExecutorEngine(threads, 1) as engine:
        with closing(engine.run(task, [(n,) for n in range(50)])) as results:  # type: ignore[type-var]
            assert next(results) == 0
            begun.wait(10)
            threading.Timer(0.05, go_on.set).start()
        assert len(ran) < 50
        after = len(ran)
    assert len(ran) == after


class TerminatedWorkerError(Exception):
    """What loky raises where Python raises BrokenProcessPool, by its name."""


class Broken(Executor):
    """An executor whose workers have ended."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(self._error)
        return future

    def shutdown(self, wait: bool = True) -> None:  # type: ignore[override]
        """Take no `cancel_futures`, as some executors do."""


@pytest.mark.parametrize("error", [BrokenExecutor("gone"), TerminatedWorkerError("gone")])
def test_a_broken_executor_is_a_worker_error(error: Exception) -> None:
    with ExecutorEngine(Broken(error), 2) as engine, pytest.raises(WorkerError, match="a worker"):
        list(engine.run(pow, POWERS))


def test_the_error_of_a_task_is_its_own() -> None:
    with (
        ThreadPoolExecutor(2) as threads,
        ExecutorEngine(threads, 2) as engine,
        pytest.raises(ZeroDivisionError),
    ):
        list(engine.run(divmod, [(1, 1), (1, 0), (1, 1)]))


def test_the_error_of_the_first_task_in_order() -> None:
    second = threading.Event()

    def task(n: int) -> None:
        if n == 1:
            second.wait(10)  # the third task fails before this one
        if n == 2:
            second.set()
        if n:
            raise ValueError(n)

    with (
        ThreadPoolExecutor(3) as threads,
        ExecutorEngine(threads, 3) as engine,
        pytest.raises(ValueError, match="1"),
    ):
        list(engine.run(task, [(n,) for n in range(9)]))


@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_a_task_fails_before_the_making_of_a_later_one(tasks: int) -> None:
    def arguments(zero: int) -> Any:
        yield from [(1, 1)] * (tasks - 1)
        yield 1, zero
        raise ValueError("later")

    one: Callable[[Executor], Engine] = lambda _: ProcessEngine(1)  # noqa: E731
    for make in (*engines(), one):
        with ThreadPoolExecutor(3) as threads, make(threads) as engine:
            with pytest.raises(ZeroDivisionError):
                list(engine.run(divmod, arguments(0)))
            with pytest.raises(ValueError, match="later"):
                list(engine.run(divmod, arguments(1)))
