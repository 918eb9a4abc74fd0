"""Connects a build to the cluster that a command names."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from shardmill.errors import WorkerError
from shardmill.optional_library import optional_library
from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.builds.executor_engine import ExecutorEngine
from shardmill.pipeline.builds.first_line import first_line

# A scheduler that does not answer for so many seconds is not there.
_TIMEOUT = 10.0


def open_engine(kind: str, address: str | None) -> AbstractContextManager[Engine]:
    """Return a context with an engine on a cluster of Ray or Dask, which is left at its end.

    Args:
        kind: `ray` or `dask`.
        address: The address of the cluster; None for the one that the library finds.

    Raises:
        MissingLibraryError: The library is not installed.
        WorkerError: There is no such cluster.
    """
    return _ray(address) if kind == "ray" else _dask(address)


@contextmanager
def _ray(address: str | None) -> Iterator[Engine]:
    from shardmill.pipeline.builds.ray_executor import RayExecutor

    with RayExecutor(address) as executor, ExecutorEngine(executor, executor.processes) as engine:
        yield engine


@contextmanager
def _dask(address: str | None) -> Iterator[Engine]:
    distributed = optional_library("distributed", where="--engine dask", extra="dask")
    dask = optional_library("dask", where="--engine dask", extra="dask")
    where = address or dask.config.get("scheduler-address", None)
    fix = "start one with `dask scheduler` and `dask worker`, and name it with --dask-address"
    if where is None:
        raise WorkerError("--dask-address", expected="an address", found="none", fix=fix)
    try:
        client: Any = distributed.Client(where, set_as_default=False, timeout=_TIMEOUT)
    except (OSError, ValueError) as error:
        found = first_line(error)
        raise WorkerError(where, expected="a Dask scheduler", found=found, fix=fix) from error
    with (
        client,
        client.get_executor() as executor,
        ExecutorEngine(executor, lambda: sum(client.nthreads().values())) as engine,
    ):
        yield engine
