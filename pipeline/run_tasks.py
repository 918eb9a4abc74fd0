"""Runs one function over many arguments, in this process or in several."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_tasks(
    function: Callable[..., Result],
    arguments: Sequence[tuple[Any, ...]],
    *,
    workers: int,
    on_done: Callable[[], None],
) -> list[Result]:
    """Return `function(*a)` for each `a` of `arguments`, in that order.

    The first error, or an interrupt, ends all workers at once.

    Args:
        function: importable by name, since processes are started afresh.
        arguments: picklable.
        workers: processes at a time; 1 runs everything in this one.
        on_done: called after each task.
    """
    workers = min(workers, len(arguments))
    if workers <= 1:
        return list(_in_turn(function, arguments, on_done))
    # Arrow has threads, which a plain fork would copy in an undefined state.
    method = "spawn" if sys.platform == "win32" else "forkserver"
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context(method), initializer=_live_with_the_parent
    )
    try:
        with _interrupts_held():
            futures: list[Future[Result]] = [pool.submit(function, *a) for a in arguments]
        for future in as_completed(futures):
            future.result()
            on_done()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    pool.shutdown()
    return [future.result() for future in futures]


def _in_turn(
    function: Callable[..., Result],
    arguments: Sequence[tuple[Any, ...]],
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
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _live_with_the_parent() -> None:
    """Ignore interrupts, and end when the parent does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
