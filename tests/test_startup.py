"""What makes the command start fast: cores, thread counts, imports in another thread."""

import os
import subprocess
import sys
from functools import partial
from importlib import import_module

import pytest

from shardmill.startup import (
    available_cores,
    draw_to_files,
    imported_meanwhile,
    limit_blas_threads,
    look_for_no_plugins,
    share_cores,
    wait_passively,
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


@pytest.mark.parametrize(("given", "policy"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_wait_as_the_user_says_or_passively(
    monkeypatch: pytest.MonkeyPatch, given: str | None, policy: str
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", given or "")
    if given is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    wait_passively()
    assert os.environ["OMP_WAIT_POLICY"] == policy


@pytest.mark.parametrize(("given", "disabled"), [(None, "__all__"), ("logfire", "logfire")])
def test_no_plugins_are_looked_for_unless_the_user_says_which(
    monkeypatch: pytest.MonkeyPatch, given: str | None, disabled: str
) -> None:
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", given or "")
    if given is None:
        monkeypatch.delenv("PYDANTIC_DISABLE_PLUGINS")
    look_for_no_plugins()
    assert os.environ["PYDANTIC_DISABLE_PLUGINS"] == disabled


def test_the_command_is_set_up_before_torch_is_imported() -> None:
    code = (
        "import os, sys, shardmill.__main__ as command\n"
        "command.main = lambda **_: print(\n"
        "    os.environ['OMP_WAIT_POLICY'], os.environ['MPLBACKEND'], 'torch' in sys.modules)\n"
        "command.run()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["PASSIVE", "agg", "False"]


def test_matplotlib_needs_no_backend_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://nothing")
    draw_to_files()
    assert os.environ["MPLBACKEND"] == "agg"


def test_a_module_is_imported_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this_is_no_module", raising=False)
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with imported_meanwhile(partial(import_module, "colorsys")):
        pass
    assert "colorsys" in sys.modules
    # An error comes where the module is used.
    with imported_meanwhile(partial(import_module, "this_is_no_module")):
        pass
