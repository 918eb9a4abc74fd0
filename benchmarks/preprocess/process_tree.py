"""Runs a command and measures what it and all its descendants took. It works on Linux only.

The kernel itself counts processor time (wait4). This covers processes whose parent ended before
them too, such as those of multiprocessing's fork server: this process adopts them
(PR_SET_CHILD_SUBREAPER, prctl(2)). Memory is sampled as proportional set size. A page that n
processes share counts one n-th in each, so the sum over a tree counts it once. A page that
unrelated processes have mapped too counts less than once, so nothing else should run meanwhile.

/proc is read here rather than through psutil. psutil does not tell the part of the proportional
size that no file stands behind, and to list all descendants takes it 0.8 ms rather than 0.02 ms,
which would disturb builds that are looked at every 20 ms.
"""

import ctypes
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL_S = 0.02
# To read the proportional size of 500 MiB takes 4 ms; to read the resident size takes 14 us. The
# proportional size is never above the resident one. So it is read only when the resident size
# exceeds its highest value so far by this factor.
_STEP = 1.02
_ORPHANS_END_WITHIN_S = 10.0
_PR_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree of processes took.

    Attributes:
        wall_s: The seconds from before the first process started until it had ended.
        cpu_s: The user and system seconds of all processes.
        peak_mib: The highest memory at any one time, mapped files included.
        own_mib: The part of that memory that no file stands behind.
        processes: The largest number of processes at one time.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    own_mib: float
    processes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended; `error` is the last line of its stderr if it failed."""

    usage: Usage
    output: str
    error: str


def run_tree(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout_s: float
) -> Ended:
    """Run a command to its end, and wait for the processes that it leaves behind.

    No other child of this process may run meanwhile.

    Args:
        command: The command and its arguments.
        folder: The folder that the command runs in.
        environment: The environment variables of the command.
        timeout_s: How many seconds the command may take. After them it is killed with all its
            descendants.
    """
    _adopt_orphans()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        first = subprocess.Popen(  # noqa: S603  commands of the benchmark
            command, cwd=folder, env=environment, stdout=output, stderr=errors
        )
        watch = _Watch(start + timeout_s)
        watch.start()
        try:
            _, status, used = os.wait4(first.pid, 0)
            wall = time.perf_counter() - start
            first.returncode = os.waitstatus_to_exitcode(status)
            cpu = used.ru_utime + used.ru_stime + _wait_for_orphans()
        finally:
            watch.stop()
            _kill_descendants()
        output.seek(0)
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines() or [""]
        failed = f"exit code {first.returncode}: {lines[-1]}"[:300] if first.returncode else ""
        if watch.timed_out:
            failed = f"stopped after {timeout_s:,.0f} s"
        usage = Usage(wall, cpu, watch.peak_mib, watch.own_mib, watch.processes)
        return Ended(usage, output.read().decode(), failed)


class _Watch(threading.Thread):
    """Samples the memory of all descendants of this process until it is stopped."""

    def __init__(self, deadline: float) -> None:
        super().__init__(daemon=True)
        self.peak_mib = self.own_mib = 0.0
        self.processes = 0
        self.timed_out = False
        self._deadline = deadline
        self._highest_resident = 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(INTERVAL_S):
            self._look()
            if time.perf_counter() > self._deadline:
                self.timed_out = True
                _kill_descendants()

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _look(self) -> None:
        found = _descendants(os.getpid())
        self.processes = max(self.processes, len(found))
        resident = sum(map(_resident, found))
        if resident > self._highest_resident * _STEP:
            self._highest_resident = resident
            sizes = [_proportional(process) for process in found]
            total, own = (sum(size[kind] for size in sizes) / 1024 for kind in (0, 1))
            if total > self.peak_mib:
                self.peak_mib, self.own_mib = total, own


def _descendants(process: int) -> list[int]:
    found, waiting = [], [process]
    while waiting:
        children = _children(waiting.pop())
        found += children
        waiting += children
    return found


def _children(process: int) -> list[int]:
    # A child belongs to the thread that started it.
    try:
        threads = os.listdir(f"/proc/{process}/task")  # noqa: PTH208  no paths are needed
    except OSError:
        return []  # it has ended meanwhile
    lists = (_read(f"/proc/{process}/task/{thread}/children") for thread in threads)
    return [int(child) for text in lists for child in text.split()]


def _resident(process: int) -> int:
    """Return the resident bytes of a process (proc(5), statm)."""
    sizes = _read(f"/proc/{process}/statm").split()
    return int(sizes[1]) * _PAGE if sizes else 0


def _proportional(process: int) -> tuple[int, int]:
    """Return kB of a process (proc(5), smaps_rollup): all, and those without a file behind."""
    kb = {"Pss": 0, "Pss_Anon": 0, "Pss_Shmem": 0}
    for line in _read(f"/proc/{process}/smaps_rollup").splitlines():
        name, _, size = line.partition(":")
        if name in kb:
            kb[name] = int(size.split()[0])
    return kb["Pss"], kb["Pss_Anon"] + kb["Pss_Shmem"]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""  # the process has ended meanwhile


def _adopt_orphans() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this system does not let a process adopt orphans")


def _wait_for_orphans() -> float:
    """Wait for all children of this process; return the seconds that they computed."""
    seconds = 0.0
    deadline = time.perf_counter() + _ORPHANS_END_WITHIN_S
    while True:
        try:
            process, _, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return seconds
        if process:
            seconds += used.ru_utime + used.ru_stime
        elif time.perf_counter() > deadline:
            _kill_descendants()
        else:
            time.sleep(INTERVAL_S)


def _kill_descendants() -> None:
    for process in _descendants(os.getpid()):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
