"""What commands do when something fails, or when they are interrupted."""

import json
import os
import signal
from pathlib import Path

import pytest
from commands import Toy, done, everything, run


@pytest.mark.parametrize("pattern", ["shards-*/*.safetensors", "clean-*/*.parquet"])
@pytest.mark.parametrize("position", [0, -1])
def test_verify_finds_a_flipped_byte(toy: Toy, pattern: str, position: int) -> None:
    done("preprocess", *toy.arguments)
    (path,) = toy.artifact.glob(pattern)
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    result = run("verify", toy.artifact)
    assert result.exit_code == 5
    assert str(path) in result.stderr and "xxh3_128" in result.stderr
    assert result.stdout == ""


def test_verify_finds_a_lost_byte(toy: Toy) -> None:
    done("preprocess", *toy.arguments)
    (path,) = toy.artifact.glob("shards-*/*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    assert run("verify", toy.artifact).exit_code == 5
    path.unlink()
    assert run("verify", toy.artifact).exit_code == 5


def test_shard_before_clean(toy: Toy) -> None:
    result = run("shard", *toy.arguments)
    assert result.exit_code == 4
    assert "run `shardmill clean` first" in result.stderr


def test_debug_shows_the_error_itself(toy: Toy) -> None:
    (toy.folder / "raw/train.csv").write_text("size,kept\n1.5,7\n")
    assert "Traceback" not in run("preprocess", *toy.arguments).output
    result = run("--debug", "preprocess", *toy.arguments)
    assert type(result.exception).__name__ == "UnknownClassError"


def test_a_fault_in_the_code_is_named_and_not_traced(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of something")

    monkeypatch.setattr("shardmill.pipeline.builds.find_sources.find_sources", fault)
    result = run("preprocess", *toy.arguments)
    assert result.exit_code == 1
    assert "unexpected ZeroDivisionError: of something" in result.stderr
    assert "shardmill --debug" in result.stderr


def test_interrupt(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shardmill.pipeline.stages.clean_stage.clean_part", interrupt)
    result = run("preprocess", *toy.arguments)
    assert result.exit_code == 130
    assert "interrupted" in result.stderr
    assert not (toy.artifact / "manifest.json").exists()
    assert list(toy.artifact.glob(".building-*")) == []


def test_termination(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def terminate(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("shardmill.pipeline.stages.clean_stage.clean_part", terminate)
    result = run("preprocess", *toy.arguments)
    assert result.exit_code == 143
    assert "terminated: what was not finished is as it was before" in result.stderr
    assert not any("building" in name for name in everything(toy.folder))
    assert signal.getsignal(signal.SIGTERM) == before


def test_datasets_without_raw_files_are_named(tmp_path: Path) -> None:
    done("sample", "titanic", "--out", tmp_path / "raw")
    for name in ("ag_news", "mnist"):
        (tmp_path / "raw" / name).mkdir()
    result = done("preprocess", "--raw", tmp_path / "raw", "--out", tmp_path / "out")
    assert f"no raw files of ag_news, mnist in {tmp_path / 'raw'}" in result.stderr
    assert result.stdout.startswith("titanic  built")


def test_one_failure_does_not_hide_the_others(tmp_path: Path) -> None:
    done("sample", "titanic", "ag_news", "--out", tmp_path / "raw")
    (tmp_path / "raw/ag_news/train.csv").write_bytes(b"1,2\n")
    result = run("preprocess", "--raw", tmp_path / "raw", "--out", tmp_path / "out", "--json")
    assert result.exit_code == 4
    assert [outcome["name"] for outcome in json.loads(result.stdout)] == ["titanic"]
    assert json.loads(result.stderr.splitlines()[-1])["error"]["expected"] == "3 fields"


def test_two_recipes_of_one_name(toy: Toy) -> None:
    result = run("preprocess", "titanic", "titanic", "--raw", toy.folder)
    assert result.exit_code == 3
    assert "titanic in both" in result.stderr


@pytest.mark.parametrize("command", ["sample", "train"])
def test_output_that_cannot_be_written(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    arguments: list[object] = ["--out", tmp_path / "file/below"]
    if command == "train":
        done("sample", "titanic", "--out", tmp_path / "raw")
        done("preprocess", "--raw", tmp_path / "raw", "--out", tmp_path / "out")
        arguments += ["--artifacts", tmp_path / "out"]
    result = run(command, "titanic", *arguments)
    assert result.exit_code == 7
    assert "expected  a folder that can be written" in result.stderr
