"""Does something to several files of an artifact side by side."""

from collections.abc import Callable, Iterable
from concurrent.futures import as_completed
from threading import Event
from typing import TypeVar

from shardmill.ended_threads import EndedThreads

# So many at a time. One connection seldom fills a network.
_SIDE_BY_SIDE = 8

File = TypeVar("File")


def side_by_side(
    files: Iterable[File],
    do: Callable[[File, Callable[[], bool]], None],
    done: Callable[[File], object] = lambda _: None,
) -> None:
    """Do something to each of several files.

    Args:
        files: The files, or their records.
        do: What to do with one, in any thread. It is given a function that says whether to stop,
            since another file has failed or the user has interrupted.
        done: A function that is told of each file when it is done, in this thread.

    Raises:
        ShardmillError: What `do` raised first.
    """
    stop = Event()
    with EndedThreads(_SIDE_BY_SIDE) as pool:
        tasks = {pool.submit(do, file, stop.is_set): file for file in files}
        try:
            for task in as_completed(tasks):
                task.result()
                done(tasks[task])
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
