"""Runs the tasks of a build on any `concurrent.futures.Executor`."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, wait
from types import TracebackType
from typing import Any, Self

from shardmill.pipeline.builds.engine import Result, nothing_done, side_by_side, worker_ended


class ExecutorEngine:
    """An engine on an executor of the caller's: threads, loky, Dask, Ray, or any other.

    The executor stays the caller's, who shuts it down. What the engine submitted has ended or was
    cancelled when the engine ends.

    Args:
        executor: Where tasks are submitted.
        processes: How many tasks the executor runs at the same time.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(3) as threads, ExecutorEngine(threads, 3) as engine:
        ...     list(engine.run(pow, [(2, 1), (2, 2), (2, 3)]))
        [2, 4, 8]
    """

    def __init__(self, executor: Executor, processes: int) -> None:
        self.processes = processes
        self._executor = executor
        self._running: set[Future[Any]] = set()

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
            WorkerError: The executor is broken.
        """

        def submit(argument: tuple[Any, ...]) -> Future[Result]:
            future = self._executor.submit(function, *argument)
            self._running.add(future)
            future.add_done_callback(self._running.discard)
            return future

        try:
            yield from side_by_side(submit, arguments, on_done, workers=self.processes)
        except BaseException as error:
            self._end()
            if _is_broken(error):
                raise worker_ended() from error
            raise

    def _end(self) -> None:
        """Cancel what has not begun, and wait for what runs: a thread cannot be stopped."""
        running = list(self._running)
        for future in running:
            future.cancel()
        wait(running)


def _is_broken(error: BaseException) -> bool:
    # Each library has exceptions of its own for this. All of them say so in their name, or in that
    # of a class that they inherit from (BrokenExecutor of Python, TerminatedWorkerError of loky,
    # WorkerCrashedError of Ray, KilledWorker of Dask).
    marks = ("Broken", "TerminatedWorker", "WorkerCrashed", "KilledWorker")
    return any(mark in parent.__name__ for parent in type(error).__mro__ for mark in marks)
