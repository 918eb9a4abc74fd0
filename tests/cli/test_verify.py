"""`shardmill verify` of several artifacts."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from shardmill.cli import main


@pytest.fixture
def copies(sample_artifacts: Path, tmp_path: Path) -> list[Path]:
    for name in ("titanic", "mnist"):
        shutil.copytree(sample_artifacts / name, tmp_path / name)
    return [tmp_path / "titanic", tmp_path / "mnist"]


def test_whole_artifacts(copies: list[Path]) -> None:
    result = CliRunner().invoke(main, ["verify", "--json", *map(str, copies)])
    assert result.exit_code == 0
    assert [report["artifact"] for report in json.loads(result.stdout)] == [*map(str, copies)]


def test_the_faults_of_all_artifacts_are_told(copies: list[Path]) -> None:
    for artifact in copies:
        shard = next(artifact.glob("shards-*/train-00000.safetensors"))
        shard.write_bytes(shard.read_bytes()[:-1])
    result = CliRunner().invoke(main, ["verify", *map(str, copies)])
    assert result.exit_code == 5
    said = " ".join(result.output.split())
    assert "expected 2 whole artifacts" in said
    for artifact in copies:
        assert f"{artifact.name}/shards-" in said.replace(" ", "")
