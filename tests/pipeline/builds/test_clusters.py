"""Builds by loky and Dask give the bytes of a local build, and what goes wrong is said."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from commands import Toy, done, run
from distributed import Client, LocalCluster
from engine_builds import build_all, contents
from golden_build import write_raw
from loky import ProcessPoolExecutor as LokyExecutor

from shardmill.errors import MissingLibraryError, WorkerError
from shardmill.pipeline.builds import executor_engine
from shardmill.pipeline.builds.executor_engine import ExecutorEngine
from shardmill.pipeline.builds.open_engine import open_engine
from shardmill.pipeline.builds.process_engine import ProcessEngine
from shardmill.pipeline.builds.same_versions import Versions, call_with

# They have no types.
new_client: Any = Client
new_cluster: Any = LocalCluster


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_raw(folder)
    return folder


@pytest.fixture(scope="module")
def expected(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    with ProcessEngine(1) as engine:
        return build_all(raw, tmp_path_factory.mktemp("local"), engine)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    before = dict(os.environ)
    cluster: Any = new_cluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster:
        yield cluster.scheduler_address
    # Dask sets OMP_NUM_THREADS for its workers in this process, for good.
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def loky() -> Iterator[Executor]:
    executor: Any = LokyExecutor(2)
    yield executor
    executor.shutdown()


def test_loky(raw: Path, tmp_path: Path, expected: dict[str, bytes], loky: Executor) -> None:
    assert build_all(raw, tmp_path, loky) == expected


def test_dask(raw: Path, tmp_path: Path, expected: dict[str, bytes], scheduler: str) -> None:
    client: Any = new_client(scheduler, set_as_default=False)
    with client, client.get_executor() as executor:
        assert build_all(raw, tmp_path, executor) == expected


def test_dask_by_its_address(
    raw: Path, tmp_path: Path, expected: dict[str, bytes], scheduler: str
) -> None:
    with open_engine("dask", scheduler) as engine:
        assert engine.processes == 2
        assert build_all(raw, tmp_path, engine) == expected


def test_the_command_builds_on_dask(tmp_path: Path, scheduler: str) -> None:
    toy = Toy(tmp_path)
    done("preprocess", *toy.arguments)
    before = contents(toy.folder / "out")
    done("preprocess", *toy.arguments, "--force", "--engine", "dask", "--dask-address", scheduler)
    assert contents(toy.folder / "out") == before


def test_the_error_of_a_task_reaches_the_caller(scheduler: str) -> None:
    with open_engine("dask", scheduler) as engine, pytest.raises(ZeroDivisionError):
        list(engine.run(divmod, [(1, 1), (1, 0), (1, 1)]))


def test_a_worker_that_ends_is_a_worker_error(loky: Executor) -> None:
    with (
        ExecutorEngine(loky, 2) as engine,
        pytest.raises(WorkerError, match="unexpectedly terminated"),
    ):
        list(engine.run(os._exit, [(3,)]))


def test_a_cluster_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor_engine, "_PATIENCE", 0.0)
    with (
        ThreadPoolExecutor(1) as threads,
        ExecutorEngine(threads, lambda: 0) as engine,
        pytest.raises(WorkerError, match="one that can run a task"),
    ):
        list(engine.run(pow, [(n, 2) for n in range(9)]))


def test_workers_that_come_are_used() -> None:
    counts = iter([1, 1, 2, 3])
    with (
        ThreadPoolExecutor(3) as threads,
        ExecutorEngine(threads, lambda: next(counts, 3)) as engine,
    ):
        assert list(engine.run(pow, [(n, 2) for n in range(9)])) == [n**2 for n in range(9)]
        assert engine.processes == 3


def test_workers_with_other_versions() -> None:
    here = Versions.here()
    assert call_with(here, pow, (2, 3)) == 8
    with pytest.raises(WorkerError, match=r"pyarrow 0\.1") as caught:
        call_with(replace(here, arrow="0.1"), pow, (2, 3))
    assert f"pyarrow {here.arrow}" in str(caught.value)
    assert "same versions on all nodes" in str(caught.value)


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shardmill.pipeline.builds.open_engine._TIMEOUT", 0.5)
    with (
        pytest.raises(WorkerError, match="a Dask scheduler"),
        open_engine("dask", "tcp://127.0.0.1:9"),
    ):
        pass


def test_no_head_of_a_ray_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    with pytest.raises(WorkerError, match="a Ray cluster"), open_engine("ray", "127.0.0.1:9"):
        pass


def test_no_address_of_a_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    with pytest.raises(WorkerError, match="--dask-address"), open_engine("dask", None):
        pass


@pytest.mark.parametrize(("kind", "library"), [("ray", "ray"), ("dask", "distributed")])
def test_a_library_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, kind: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibraryError, match=f"shardmill.{kind}"), open_engine(kind, "x:1"):
        pass


def test_an_address_without_its_engine(tmp_path: Path) -> None:
    found = run("preprocess", "--out", tmp_path, "--ray-address", "10.0.0.1:6379")
    assert found.exit_code == 2
    assert "--ray-address goes with --engine ray" in found.output
