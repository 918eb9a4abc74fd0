"""Runs functions over many arguments, in this process or in several."""

import itertools
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self, TypeVar

from shardmill.errors import WorkerError

Result = TypeVar("Result")

# Tasks that wait in line for each process; more would only wait, with their arguments in memory.
_WAITING = 2


# What tasks import, but for pandas, which tables alone need.
_PRELOADED = ["shardmill.pipeline.stages.clean_part", "shardmill.pipeline.stages.shard_split"]


def _method() -> str:
    """Return how to start processes.

    A fork takes milliseconds, where others import all anew. It is safe while no other thread of
    Python's runs: those of Arrow and of numpy's OpenBLAS see to forks by themselves.
    """
    if sys.platform == "linux" and threading.active_count() == 1:
        return "fork"
    return "spawn" if sys.platform == "win32" else "forkserver"


class Workers:
    """Processes that run tasks; started when there is a second task, and kept until the end.

    The first error, or an interrupt, ends all of them at once; later tasks get new ones.

    Args:
        processes: at a time; 1 runs everything in this one.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._pool: ProcessPoolExecutor | None = None
        self._others: set[BaseProcess] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._end()
        elif self._pool is not None:
            self._pool.shutdown()

    def start(self) -> None:
        """Start the processes now if they can be forked, which they cannot once there are threads.

        Otherwise they start when there is a second task.
        """
        if self.processes > 1 and self._pool is None and _method() == "fork":
            self._pool = self._new_pool("fork")

    def _end(self) -> None:
        """End the processes, whatever they are doing; they have ended when this returns."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        pool.shutdown(wait=False, cancel_futures=True)
        own = set(multiprocessing.active_children()) - self._others
        for process in own:
            process.terminate()
        for process in own:
            process.join()

    def run(
        self,
        function: Callable[..., Result],
        arguments: Iterable[tuple[Any, ...]],
        on_done: Callable[[], None] = lambda: None,
    ) -> list[Result]:
        """Return `function(*a)` for each `a` of `arguments`, in that order.

        When this raises, none of the tasks is running any more.

        Args:
            function: importable by name, since processes are started afresh.
            arguments: picklable; taken as they are needed.
            on_done: called after each task.

        Raises:
            WorkerError: something else has ended a process.
        """
        remaining = iter(arguments)
        first = list(itertools.islice(remaining, 2))
        arguments = itertools.chain(first, remaining)
        if self.processes <= 1 or len(first) < 2:
            return list(_in_turn(function, arguments, on_done))
        try:
            return self._side_by_side(function, arguments, on_done)
        except BrokenProcessPool:
            self._end()
            raise _worker_ended() from None
        except BaseException:
            self._end()
            raise

    def _side_by_side(
        self,
        function: Callable[..., Result],
        arguments: Iterable[tuple[Any, ...]],
        on_done: Callable[[], None],
    ) -> list[Result]:
        futures: list[Future[Result]] = []
        waiting: set[Future[Result]] = set()
        for argument in arguments:
            futures.append(self._submit(function, argument))
            waiting.add(futures[-1])
            if len(waiting) >= self.processes * _WAITING:
                waiting = _wait(waiting, on_done)
        while waiting:
            waiting = _wait(waiting, on_done)
        return [future.result() for future in futures]

    def _submit(
        self, function: Callable[..., Result], argument: tuple[Any, ...]
    ) -> "Future[Result]":
        if self._pool is None:
            self._pool = self._new_pool(_method())
        with _signals_held():
            return self._pool.submit(function, *argument)

    def _new_pool(self, method: str) -> ProcessPoolExecutor:
        self._others = set(multiprocessing.active_children())
        if method == "forkserver":
            forkserver.set_forkserver_preload(_PRELOADED)
        context = multiprocessing.get_context(method)
        pool = ProcessPoolExecutor(self.processes, context, initializer=_live_with_the_parent)
        with _signals_held(), warnings.catch_warnings():
            # Python 3.12 and newer warn of a fork beside any threads, Arrow's too.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded")
            pool.submit(_nothing)  # forks are all made at the first task
        return pool


def _nothing() -> None:
    pass


def _worker_ended() -> WorkerError:
    return WorkerError(
        "a worker",
        expected="a process that runs until its tasks are done",
        found="one that has ended, most often for want of memory",
        fix='build with fewer --workers; a script must build below `if __name__ == "__main__"`',
    )


def _wait(waiting: "set[Future[Result]]", on_done: Callable[[], None]) -> "set[Future[Result]]":
    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
        on_done()
    return waiting


def _in_turn(
    function: Callable[..., Result],
    arguments: Iterable[tuple[Any, ...]],
    on_done: Callable[[], None],
) -> Iterator[Result]:
    for argument in arguments:
        yield function(*argument)
        on_done()


@contextmanager
def _signals_held() -> Iterator[None]:
    # Processes that start meanwhile inherit this: an interrupt is the parent's to answer, and what
    # the parent does when it is to end is not theirs to do.
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _live_with_the_parent() -> None:
    """Ignore interrupts, end when asked to, and when the parent does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
