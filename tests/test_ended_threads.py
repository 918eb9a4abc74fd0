"""Threads that have ended for the system, too."""

import sys
import threading
from pathlib import Path

import pytest

from shardmill.ended_threads import EndedThreads


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone shows its threads as files")
def test_threads_have_ended() -> None:
    # Without the wait, one of some dozens is still there.
    for _ in range(200):
        with EndedThreads(2) as threads:
            ids = list(threads.map(lambda _: threading.get_native_id(), range(8)))
        assert not [each for each in ids if Path("/proc/self/task", str(each)).exists()]


def test_results_are_those_of_any_executor() -> None:
    with EndedThreads(3) as threads:
        assert list(threads.map(abs, range(-9, 1))) == list(range(9, -1, -1))
