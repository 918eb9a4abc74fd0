"""Tasks give the same in any number of processes, and their errors arrive whole."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shardmill.errors import ShardmillError, UnreadableFileError, WorkerError
from shardmill.pipeline.builds.process_engine import ProcessEngine
from shardmill.raw.raw_files import read_raw

# Workers are started afresh and cannot import this file, so tasks are functions of other modules.
POWERS = [(n, 2) for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers: int) -> None:
    done: list[None] = []
    with ProcessEngine(workers) as pool:
        results = list(pool.run(pow, POWERS, lambda: done.append(None)))
        assert results == [n**2 for n in range(20)]
        assert len(done) == 20
        assert list(pool.run(pow, iter(POWERS))) == results
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("arguments", [[], [()]])
def test_up_to_one_task_runs_in_this_process(arguments: list[tuple[()]]) -> None:
    with ProcessEngine(4) as pool:
        results = list(pool.run(os.getpid, arguments))
    assert results == [os.getpid()] * len(arguments)


def test_several_workers_are_other_processes() -> None:
    with ProcessEngine(2) as pool:
        results = list(pool.run(os.getpid, [()] * 4))
    assert os.getpid() not in results
    assert len(set(results)) <= 2


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_raised_here_with_its_fields(tmp_path: Path, workers: int) -> None:
    (tmp_path / "there").write_bytes(b"x")
    tasks = [(tmp_path / "there",), (tmp_path / "missing",), (tmp_path / "there",)]
    with pytest.raises(ShardmillError) as caught, ProcessEngine(workers) as pool:
        list(pool.run(read_raw, tasks))
    error = caught.value
    assert type(error) is UnreadableFileError
    assert error.where == str(tmp_path / "missing")
    assert error.expected == "a readable file"
    assert error.found == "No such file or directory"
    assert error.fix == "check the path"
    assert str(error).startswith(f"{tmp_path / 'missing'}: expected a readable file, found No such")


def test_a_worker_that_is_ended_from_outside_is_an_error_that_says_so() -> None:
    with ProcessEngine(2) as pool:
        with pytest.raises(WorkerError, match="most often for want of memory; build with fewer"):
            list(pool.run(os._exit, [(9,), (9,)]))
        assert list(pool.run(pow, POWERS)) == [n**2 for n in range(20)]  # by new ones


# The second worker never ends by itself: it reads from a pipe that nobody writes to.
ENDLESS = """
import os, sys
from shardmill.pipeline.builds.process_engine import ProcessEngine
if __name__ == "__main__":
    try:
        with ProcessEngine(2) as pool:
            list(pool.run(open, [(sys.argv[2], "rb"), (sys.argv[1], "rb")]))
    except FileNotFoundError as error:
        print(error.filename)
"""


def test_an_error_ends_the_other_workers(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    command = [sys.executable, str(script), *(str(tmp_path / f) for f in ("pipe", "missing"))]
    # The interpreter would wait for its workers at its end, and never get there.
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.strip() == str(tmp_path / "missing")
    assert ended.returncode == 0


# What was set in this process is set in processes forked from it, and not in others.
FORKED = """
import sys, threading
from shardmill.pipeline.builds.process_engine import ProcessEngine
if __name__ == "__main__":
    sys.setrecursionlimit(4321)
    end = threading.Event()
    if "beside a thread" in sys.argv:
        threading.Thread(target=end.wait).start()
    with ProcessEngine(2) as pool:
        pool.start()
        print(list(pool.run(sys.getrecursionlimit, [()] * 3)))
    end.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
@pytest.mark.parametrize(("beside", "limit"), [("nothing", 4321), ("beside a thread", 1000)])
def test_workers_are_forked_where_there_are_no_threads(
    tmp_path: Path, beside: str, limit: int
) -> None:
    script = tmp_path / "forked.py"
    script.write_text(FORKED)
    command = [sys.executable, "-W", "error", str(script), beside]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == str([limit] * 3)
    assert ended.stderr == ""


def test_an_interrupt_ends_the_workers() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), ProcessEngine(2) as pool:
        list(pool.run(pow, POWERS, interrupt))
    # Not by `exitcode`: it is None for a moment where another thread has reaped the process.
    for child in multiprocessing.active_children():
        assert multiprocessing.connection.wait([child.sentinel], timeout=10)


# Both workers wait for ever on a pipe, or would, and the parent is killed under them.
KILLED = """
import os, signal, sys
from shardmill.pipeline.builds.process_engine import ProcessEngine
if __name__ == "__main__":
    arguments = [(sys.argv[1], os.O_RDONLY), (sys.argv[2], os.O_RDONLY)]
    kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
    with ProcessEngine(2) as pool:
        list(pool.run(os.open, arguments, kill))
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    command = [sys.executable, str(script), str(tmp_path / "pipe"), str(script)]
    # The workers have our end of the output open: this returns when the last one has ended.
    ended = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL


# The pool's thread takes one result, and waits in the midst of it. The next one fills the pipe.
CUT = """
import fcntl, os, struct, termios, threading
from shardmill.pipeline.builds.process_engine import ProcessEngine

taking, ended, (go, went) = threading.Event(), threading.Event(), os.pipe()

def take():
    taking.set()
    ended.wait()

class Slow:
    def __reduce__(self):
        return take, ()

def large():
    os.read(go, 1)
    return bytes(10_000_000)

engine = ProcessEngine(2)
engine.start()
pool = engine._pool
futures = [pool.submit(Slow), pool.submit(large)]
taking.wait()
os.write(went, b".")
reader = pool._result_queue._reader.fileno()
while struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, bytes(4)))[0] < 60_000:
    pass
engine._end()
ended.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
def test_a_process_that_is_ended_within_a_result_is_not_waited_for() -> None:
    subprocess.run([sys.executable, "-c", CUT], check=True, timeout=60)
