"""Runs functions over many arguments, in this process or in several."""

import itertools
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
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

# Arrow has threads, which a plain fork would copy in an undefined state.
METHOD = "spawn" if sys.platform == "win32" else "forkserver"
# Tasks that wait in line for each process; more would only wait, with their arguments in memory.
_WAITING = 2


# What tasks import, but for pandas, which tables alone need.
_PRELOADED = ["shardmill.pipeline.clean_part", "shardmill.pipeline.shard_split"]


def prepare_workers() -> None:
    """Start the process that workers are forked from, so that it imports while this one does."""
    if sys.platform == "win32":
        return
    forkserver.set_forkserver_preload(_PRELOADED)
    with _interrupts_held():
        forkserver.ensure_running()


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
            self._others = set(multiprocessing.active_children())
            context = multiprocessing.get_context(METHOD)
            if METHOD == "forkserver":
                forkserver.set_forkserver_preload(_PRELOADED)
            self._pool = ProcessPoolExecutor(
                self.processes, context, initializer=_live_with_the_parent
            )
        with _interrupts_held():
            return self._pool.submit(function, *argument)


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
def _interrupts_held() -> Iterator[None]:
    # Processes that start meanwhile inherit this: an interrupt is the parent's to answer.
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _live_with_the_parent() -> None:
    """Ignore interrupts, and end when the parent does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
