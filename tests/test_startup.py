"""What makes the command start fast: cores, thread counts, imports in another thread."""

import os
import sys

import pytest

from shardmill.startup import (
    available_cores,
    draw_to_files,
    imported_meanwhile,
    limit_blas_threads,
    share_cores,
)


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert available_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


@pytest.mark.parametrize(("processes", "threads"), [(1, "5"), (2, "2"), (9, "1")])
def test_processes_share_the_cores(
    monkeypatch: pytest.MonkeyPatch, processes: int, threads: str
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(5)), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    monkeypatch.delenv("OMP_NUM_THREADS")
    share_cores(processes)
    assert os.environ["OMP_NUM_THREADS"] == threads


def test_thread_counts_of_the_user_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    share_cores(2)
    limit_blas_threads()
    assert os.environ["OMP_NUM_THREADS"] == os.environ["OPENBLAS_NUM_THREADS"] == "7"


def test_matplotlib_needs_no_backend_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://nothing")
    draw_to_files()
    assert os.environ["MPLBACKEND"] == "agg"


def test_a_module_is_imported_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this_is_no_module", raising=False)
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with imported_meanwhile("colorsys"):
        pass
    assert "colorsys" in sys.modules
    with imported_meanwhile("this_is_no_module"):  # an error comes where the module is used
        pass
