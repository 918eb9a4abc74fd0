"""Threads after which a process can be forked."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_TASKS = "/proc/self/task"  # proc_pid_task(5)
_WAIT_S = 1e-4


class EndedThreads(ThreadPoolExecutor):
    """A pool whose threads have ended for the system, too, when `shutdown` returns.

    Before Python 3.13, a thread counts as joined a moment before the system has ended it. It still
    frees memory then, and a process that is forked at this moment gets a heap that is being
    changed. This happens where the thread has just ended and the machine is busy.

    Args:
        threads: How many threads there are at most.

    Example:
        >>> with EndedThreads(1) as threads:
        ...     threads.submit(abs, -1).result()
        1
    """

    def __init__(self, threads: int) -> None:
        self._started: list[int] = []
        super().__init__(threads, "shardmill", self._start)

    def _start(self) -> None:
        self._started.append(threading.get_native_id())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads; see `concurrent.futures.Executor.shutdown`."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        while wait and sys.platform == "linux" and any(map(_is_there, self._started)):
            time.sleep(_WAIT_S)


def _is_there(thread: int) -> bool:
    return Path(_TASKS, str(thread)).exists()
