"""Runs the tasks of a build on any `concurrent.futures.Executor`."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from types import TracebackType
from typing import Any, Self

from shardmill.errors import WorkerError
from shardmill.pipeline.builds.engine import Result, nothing_done, side_by_side, worker_ended
from shardmill.pipeline.builds.first_line import first_line
from shardmill.pipeline.builds.same_versions import Versions, call_with

_FIX = "look at the log of the machine, and let it run fewer tasks at a time if memory is short"
# Workers may be about to come for so many seconds.
_PATIENCE = 8.0


class ExecutorEngine:
    """An engine on an executor of the caller's: threads, loky, Dask, Ray, or any other.

    The executor stays the caller's, who shuts it down. What the engine submitted has ended or was
    cancelled when the engine ends. Workers need the same folders at the same paths, and the same
    versions of what decides on bytes; a task that finds others fails.

    Args:
        executor: Where tasks are submitted.
        processes: How many tasks the executor runs at the same time, or a function that says it.
            The function is asked again and again, since workers come and go.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(3) as threads, ExecutorEngine(threads, 3) as engine:
        ...     list(engine.run(pow, [(2, 1), (2, 2), (2, 3)]))
        [2, 4, 8]
    """

    def __init__(self, executor: Executor, processes: int | Callable[[], int]) -> None:
        self._executor = executor
        self._processes = processes
        self._running: set[Future[Any]] = set()
        self._without_since: float | None = None

    @property
    def processes(self) -> int:
        """How many tasks run at the same time, at least one.

        Raises:
            WorkerError: For some seconds, there was no worker that can run a task.
        """
        count = self._processes if isinstance(self._processes, int) else self._processes()
        if count:
            self._without_since = None
            return count
        now = time.monotonic()
        self._without_since = self._without_since or now
        if now - self._without_since > _PATIENCE:
            raise WorkerError(
                "the workers",
                expected="one that can run a task, with a free core and memory",
                found=f"none for {_PATIENCE:.0f} seconds",
                fix="start workers, or give them more cores or memory, and build again",
            )
        return 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def start(self) -> None:
        """Do nothing: the executor starts its workers itself."""

    def run(
        self,
        function: Callable[..., Result],
        arguments: Iterable[tuple[Any, ...]],
        on_done: Callable[[], None] = nothing_done,
    ) -> Iterator[Result]:
        """Yield the results of tasks in order, as they come; see `Engine.run`.

        Raises:
            WorkerError: The executor is broken, or a worker has other versions.
        """
        versions = Versions.here()

        def submit(argument: tuple[Any, ...]) -> Future[Result]:
            future = self._executor.submit(call_with, versions, function, argument)
            self._running.add(future)
            future.add_done_callback(self._running.discard)
            return future

        try:
            yield from side_by_side(submit, arguments, on_done, workers=lambda: self.processes)
        except BaseException as error:
            self._end()
            if self._is_broken(error):
                what = first_line(error) or type(error).__name__
                raise worker_ended(what, fix=_FIX) from error
            raise

    def _end(self) -> None:
        """Cancel what has not begun, and wait for what runs: a thread cannot be stopped."""
        running = list(self._running)
        for future in running:
            future.cancel()
        wait(running)

    def _is_broken(self, error: BaseException) -> bool:
        """Say whether an error is one of the executor, and not one of a task."""
        own, here = type(self._executor).__module__.partition(".")[0], __name__.partition(".")[0]
        parents = {parent.__module__.partition(".")[0] for parent in type(error).__mro__}
        return isinstance(error, BrokenExecutor) or (own in parents and own != here)
