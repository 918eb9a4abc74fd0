"""Connects a build to the cluster that a command names."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from shardmill.errors import MissingLibraryError, WorkerError
from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.builds.executor_engine import ExecutorEngine

# A scheduler that does not answer for so many seconds is not there.
_TIMEOUT = 10.0


@contextmanager
def open_engine(kind: str, address: str | None) -> Iterator[Engine]:
    """Yield an engine on a cluster of Ray or Dask, and leave the cluster afterwards.

    Args:
        kind: `ray` or `dask`.
        address: The address of the cluster; None for the one that the library finds.

    Raises:
        MissingLibraryError: The library is not installed.
        WorkerError: There is no such cluster.
    """
    with _ray(address) if kind == "ray" else _dask(address) as engine:
        yield engine


@contextmanager
def _ray(address: str | None) -> Iterator[Engine]:
    from shardmill.pipeline.builds.ray_executor import RayExecutor

    with RayExecutor(address) as executor, ExecutorEngine(executor, executor.processes) as engine:
        yield engine


@contextmanager
def _dask(address: str | None) -> Iterator[Engine]:
    try:
        dask: Any = import_module("dask")
        distributed: Any = import_module("distributed")
    except ImportError:
        raise MissingLibraryError(
            "--engine dask",
            expected="the library distributed",
            found="none",
            fix="install it with: pip install 'shardmill[dask]'",
        ) from None
    where = address or dask.config.get("scheduler-address", None)
    fix = "start one with `dask scheduler` and `dask worker`, and name it with --dask-address"
    if where is None:
        raise WorkerError("--dask-address", expected="an address", found="none", fix=fix)
    try:
        client: Any = distributed.Client(where, set_as_default=False, timeout=_TIMEOUT)
    except (OSError, ValueError) as error:
        found = str(error).partition("\n")[0]
        raise WorkerError(where, expected="a Dask scheduler", found=found, fix=fix) from error
    with (
        client,
        client.get_executor() as executor,
        ExecutorEngine(executor, lambda: sum(client.nthreads().values())) as engine,
    ):
        yield engine
