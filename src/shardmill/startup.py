"""Makes the command start fast, and anywhere. Every measure is here, with its reason.

A build that finds nothing to do takes about a third of a second. Nearly all of it is spent on
imports, so small costs count. This module itself imports nothing that Python has not loaded
already.
"""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_OBJECTS_BETWEEN_COLLECTIONS = 200_000


def collect_garbage_rarely() -> None:
    """Let the garbage collector run once for every 200,000 new objects from now on.

    Imports make hundreds of thousands of objects and hardly any garbage. Python's default is to
    search for garbage after every 700 to 2,000 objects.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


def skip_final_collection() -> None:
    """Spare the interpreter the search for garbage at its end.

    The process is about to give all its memory back. The objects that exist now are hidden from
    the garbage collector, which therefore has nothing to search.
    """
    gc.freeze()


def limit_blas_threads() -> None:
    """Let numpy start no threads for matrices; a number that the user has set is kept.

    This works only before numpy is imported. OpenBLAS starts one thread for each core, and these
    threads wait for work at full speed. A build multiplies no matrices.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def look_for_no_plugins() -> None:
    """Let pydantic use no plugins; a choice of the user is kept.

    This works only before pydantic is imported. To look for plugins, it would read the metadata of
    every package that is installed, which takes 4 milliseconds for 140 packages.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def draw_to_files() -> None:
    """Let matplotlib draw without a window system, whatever the user's environment says.

    This works only before matplotlib is imported, which torchmetrics does. A notebook names its own
    backend in the environment of all processes that it starts. Where that backend is not installed,
    matplotlib could not even be imported. The command writes pictures to files and nowhere else.
    """
    os.environ["MPLBACKEND"] = "agg"


def wait_passively() -> None:
    """Let threads of OpenMP sleep while they wait; a policy that the user has set is kept.

    This works only before torch is imported. By default they wait at full speed, which takes the
    cores away from whatever else runs: on two cores with a load of 5, an epoch of MNIST took 101
    and 169 seconds, and with this 27 and 40.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def share_cores(processes: int) -> None:
    """Limit the threads of this process to its share of the cores; a number set before is kept.

    This works only before torch is imported. Otherwise each of the processes would start a
    thread on every core.

    Args:
        processes: How many processes share the machine.
    """
    threads = max(available_cores() // processes, 1)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def available_cores() -> int:
    """Return how many cores this process may use, which can be fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS and Windows do not have it
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def imported_meanwhile(load: Callable[[], object]) -> Iterator[None]:
    """Import modules in another thread while the body of the `with` statement runs.

    This saves time where the body lets other threads run, as hashing does. If the import fails,
    nothing is raised here; the same error is raised where the module is used.

    Args:
        load: A function that imports them.
    """
    from shardmill.ended_threads import EndedThreads

    with EndedThreads(1) as thread:
        thread.submit(load)
        yield
