"""Where the tasks of a build run: the seam between a build and what executes it.

A task is a picklable function with picklable arguments, and its result is small. So a build runs in
this process, in a pool of local processes, or on any `concurrent.futures.Executor`, and its bytes
are the same everywhere.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from shardmill.errors import WorkerError

Result = TypeVar("Result")

# How many tasks wait in line for each worker. More would only wait, with their arguments in memory.
_WAITING = 2
_FIX = 'build with fewer --workers; a script must build below `if __name__ == "__main__"`'
# So many seconds pass until the engine is asked whether it can run tasks at all.
_PATIENCE = 2.0


class Engine(Protocol):
    """Runs the tasks of a build. It is a context manager, and nothing runs after it has ended."""

    @property
    def processes(self) -> int:
        """How many tasks run at the same time."""
        ...

    def start(self) -> None:
        """Start the workers now if that is cheaper now than later; otherwise do nothing."""
        ...

    def run(
        self,
        function: Callable[..., Result],
        arguments: Iterable[tuple[Any, ...]],
        on_done: Callable[[], None] = ...,
    ) -> Iterator[Result]:
        """Yield `function(*a)` for each `a` of `arguments`, in that order, as the results come.

        When the iterator raises, or is closed early, none of the tasks is running any more. The
        error is that of the first task in order that fails.

        Args:
            function: A function that workers can import by name.
            arguments: The arguments of each task. They are taken as they are needed.
            on_done: A function to call after each task.

        Raises:
            WorkerError: Something other than a task has ended a worker.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def nothing_done() -> None:
    """Take note of a task without doing anything."""


def in_turn(
    function: Callable[..., Result],
    arguments: Iterable[tuple[Any, ...]],
    on_done: Callable[[], None],
) -> Iterator[Result]:
    """Run tasks in this process, one after the other; see `Engine.run`."""
    for argument in arguments:
        result = function(*argument)
        on_done()
        yield result


def side_by_side(
    submit: Callable[[tuple[Any, ...]], Future[Result]],
    arguments: Iterable[tuple[Any, ...]],
    on_done: Callable[[], None],
    *,
    workers: Callable[[], int],
) -> Iterator[Result]:
    """Submit tasks and yield their results in order, as they come.

    Two tasks wait in line for each worker. If the iterator is closed or a task fails, the tasks
    that have not begun are cancelled; those that run are left to the caller. If several tasks would
    fail, the error is that of the first one in order, so it does not depend on the workers: the
    tasks before one that has failed are waited for.

    Args:
        submit: A function that submits a task with the given arguments.
        arguments: The arguments of each task. They are taken as they are needed.
        on_done: A function to call after each task.
        workers: A function that returns how many tasks can run at the same time. It is asked
            before each task and while all wait, and may raise an error that ends the wait.
    """
    ordered: deque[Future[Result]] = deque()
    unfinished: set[Future[Result]] = set()

    def settle() -> None:
        nonlocal unfinished
        done, remaining = wait(unfinished, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
        if not done:
            workers()
        unfinished = remaining
        if any(future.exception() is not None for future in done):
            _raise_first(ordered)
        for _ in done:
            on_done()

    try:
        for argument in _until_error(arguments, ordered):
            future = submit(argument)
            ordered.append(future)
            unfinished.add(future)
            while len(unfinished) >= workers() * _WAITING:
                settle()
            while ordered and ordered[0] not in unfinished:
                yield ordered.popleft().result()
        while ordered:
            while ordered[0] in unfinished:
                settle()
            yield ordered.popleft().result()
    finally:
        for future in ordered:
            future.cancel()


def _raise_first(ordered: Sequence[Future[Any]]) -> None:
    """Raise the error of the first task that fails. At least one of them has failed already."""
    failed = next(n for n, f in enumerate(ordered) if f.done() and f.exception() is not None)
    for future in list(ordered)[failed + 1 :]:
        future.cancel()
    for future in ordered:
        future.result()


def _until_error(
    arguments: Iterable[tuple[Any, ...]], ordered: Sequence[Future[Any]]
) -> Iterator[tuple[Any, ...]]:
    """Yield arguments. If there is an error in making one, the tasks before it come first."""
    try:
        yield from arguments
    except Exception:
        for future in list(ordered):
            future.result()
        raise


def worker_ended(what: str = "", *, fix: str = _FIX) -> WorkerError:
    """Return the error for a worker that ended before its tasks were done.

    Args:
        what: What an executor says of it.
        fix: What the user can do.
    """
    return WorkerError(
        "a worker",
        expected="a process that runs until its tasks are done",
        found=what or "one that has ended, most often for want of memory",
        fix=fix,
    )
