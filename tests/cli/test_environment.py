"""The command in environments that other programs have set up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorboard")  # whose pictures matplotlib draws


@pytest.mark.parametrize("backend", ["module://nothing", "a notebook's own"])
def test_a_backend_of_a_notebook_elsewhere(
    sample_artifacts: Path, tmp_path: Path, backend: str
) -> None:
    def run(*arguments: object) -> None:
        command = [sys.executable, "-m", "shardmill", *map(str, arguments)]
        environment = os.environ | {"MPLBACKEND": backend}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    logs = ["--log", "tensorboard", "--quiet"]
    places = ["--artifacts", sample_artifacts, "--out", tmp_path, "--epochs", 1]
    run("train", "titanic", *places, *logs)
    assert list((tmp_path / "titanic/logs").rglob("events.out.*"))
    picture = tmp_path / "confusion.png"
    model = tmp_path / "titanic/model"
    run("evaluate", model, sample_artifacts / "titanic", "--picture", picture)
    assert picture.read_bytes()[1:4] == b"PNG"
