"""`push`, `pull` and `cache`, and the commands that take URLs, as users write them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shardmill.cli import main


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, words)])


@pytest.fixture
def url(sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where an artifact was pushed to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    where = (tmp_path / "there").as_uri()
    result = run("push", "titanic", where, "--artifacts", sample_artifacts)
    assert result.exit_code == 0
    assert ": pushed, 5 files, " in result.output
    return where


def test_push_again(url: str, sample_artifacts: Path) -> None:
    result = run("push", "titanic", url, "--artifacts", sample_artifacts, "--json")
    assert json.loads(result.output)["status"] == "up to date"
    assert run("push", "titanic", url, "--artifacts", sample_artifacts, "--quiet").output == ""
    assert run("push", "titanic", url, "--artifacts", sample_artifacts, "--force").exit_code == 0


def test_push_takes_one_artifact(url: str, sample_artifacts: Path) -> None:
    result = run("push", sample_artifacts, url)
    assert result.exit_code == 2
    assert "these are 3" in result.output


def test_pull_and_verify(url: str, tmp_path: Path) -> None:
    result = run("pull", url, "--out", tmp_path / "out")
    assert result.output == f"{tmp_path}/out/titanic: pulled from {url}\n"
    assert json.loads(run("pull", url, "--out", tmp_path / "out", "--json").output) == {
        "url": url,
        "artifact": f"{tmp_path}/out/titanic",
    }
    result = run("verify", url, tmp_path / "out" / "titanic")
    assert result.output.count("all whole") == 2
    (tmp_path / "there" / "manifest.json").unlink()
    result = run("verify", url, "--json")
    assert result.exit_code == 5
    assert "shardmill push" in result.output


def test_inspect_brings_what_it_shows(url: str) -> None:
    shown = run("inspect", url)
    assert shown.exit_code == 0
    assert "Passengers of the Titanic" in shown.output
    assert "unreadable" not in shown.output
    assert json.loads(run("inspect", url, "--json").output)["splits"]["train"]["first"]
    assert "Embarked" in run("inspect", url, "--row", "train:7").output
    assert run("inspect", url, "--row", "train:99999").exit_code == 2
    assert run("inspect", url, "--row", "nothing:0").exit_code == 2
    assert run("inspect", url, "--rejected").exit_code == 0


def test_the_cache_is_listed_and_cleared(url: str, tmp_path: Path) -> None:
    assert "there is nothing in" in run("cache", "list").output
    run("inspect", url)
    (listed,) = json.loads(run("cache", "list", "--json").output)
    assert listed["url"] == url
    assert url in run("cache").output
    size = json.loads(run("cache", "size", "--json").output)
    assert size == {"folder": f"{tmp_path}/home/shardmill/artifacts", "bytes": listed["bytes"]}
    assert run("cache", "size").output.startswith(f"{listed['bytes']:,} bytes in ")
    assert "nothing of s3://x is in the cache" in run("cache", "clear", "s3://x").output
    assert Path(listed["folder"]).exists()
    assert "removed" in run("cache", "clear", url).output
    assert not Path(listed["folder"]).exists()
    assert json.loads(run("cache", "clear", "--json").output) == []


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.safetensors").write_bytes(b"0")
    run("cache", "clear", "--cache", tmp_path)
    assert (tmp_path / "mine" / "a.safetensors").exists()
