"""Runs the tasks of a build in this process, or in a pool of local processes."""

import itertools
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

from shardmill.pipeline.builds.engine import (
    Result,
    in_turn,
    nothing_done,
    side_by_side,
    worker_ended,
)

# What tasks import, except pandas, which only times need.
_PRELOADED = ["shardmill.pipeline.stages.clean_part", "shardmill.pipeline.stages.shard_split"]


def _method() -> str:
    """Return how to start processes.

    A fork takes milliseconds; the other methods import everything anew. A fork is safe while no
    other thread of Python runs or is ending; see `EndedThreads`. Arrow and OpenBLAS, which numpy
    uses, handle forks themselves.
    """
    if sys.platform == "linux" and threading.active_count() == 1:
        return "fork"
    return "spawn" if sys.platform == "win32" else "forkserver"


class ProcessEngine:
    """A pool of local processes. They start when there is a second task, and stay until the end.

    The first error or interrupt ends all of them at once. Later tasks get new processes.

    Args:
        processes: How many processes work at the same time. With 1, everything runs in this one.
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
        """End the processes, whatever they are doing. They have ended when this returns."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        results: Any = pool._result_queue
        pool.shutdown(wait=False, cancel_futures=True)
        own = set(multiprocessing.active_children()) - self._others
        for process in own:
            process.kill()  # one that has just begun still holds the other signals back
        for process in own:
            process.join()
        # One may have ended within a result. The pool's thread would wait for the rest of it, and
        # the interpreter for that thread, as long as anyone could write it.
        results._writer.close()

    def run(
        self,
        function: Callable[..., Result],
        arguments: Iterable[tuple[Any, ...]],
        on_done: Callable[[], None] = nothing_done,
    ) -> Iterator[Result]:
        """Yield the results of tasks in order, as they come; see `Engine.run`.

        Raises:
            WorkerError: Something other than a task has ended a process.
        """
        remaining, first = iter(arguments), list[tuple[Any, ...]]()
        try:
            first.extend(itertools.islice(remaining, 1))
            if self.processes > 1:
                first.extend(itertools.islice(remaining, 1))
        except Exception:
            yield from in_turn(function, first, on_done)  # its error comes before this one
            raise
        arguments = itertools.chain(first, remaining)
        if len(first) < 2:
            yield from in_turn(function, arguments, on_done)
            return
        submit = partial(self._submit, function)
        try:
            yield from side_by_side(submit, arguments, on_done, workers=lambda: self.processes)
        except BrokenProcessPool:
            self._end()
            raise worker_ended() from None
        except BaseException:
            self._end()
            raise

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


@contextmanager
def _signals_held() -> Iterator[None]:
    # Processes that start meanwhile inherit the mask. The parent answers interrupts, and what it
    # does when it is asked to end is not for its children to do.
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _live_with_the_parent() -> None:
    """Ignore interrupts, and end when asked to or when the parent has ended in whatever way."""
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
