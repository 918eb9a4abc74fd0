"""What errors advise where a name or a path stands for nothing."""

from pathlib import Path

import pytest
from commands import Toy, done, run

import shardmill
from shardmill.format.near_artifacts import way_to_artifact


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with recipes of two artifacts, and models of theirs by name alone."""
    toy = Toy(tmp_path)
    (tmp_path / "other.toml").write_text((tmp_path / "toy.toml").read_text().replace("toy", "two"))
    (tmp_path / "new.toml").write_text((tmp_path / "toy.toml").read_text().replace("toy", "new"))
    monkeypatch.chdir(tmp_path)
    done("preprocess", "toy.toml", "other.toml", "--raw", "raw", "--out", "artifacts")
    done("preprocess", "toy.toml", "--raw", "raw", "--out", "elsewhere")
    for name in ("toy", "two"):
        model = tmp_path / "runs" / name / "model"
        model.mkdir(parents=True)
        (model / "model.json").touch()
    (tmp_path / "empty").mkdir()
    return toy.folder


@pytest.mark.parametrize(
    ("command", "fix"),
    [
        ("inspect new.toml", "build it with `shardmill preprocess new.toml` first"),
        ("inspect new", "build it with `shardmill preprocess`, or correct the path"),
        ("inspect elsewhere/tooy", "did you mean elsewhere/toy?"),
        ("inspect elsewhere/two", "give artifacts/two"),
        ("inspect nothing", "build it with `shardmill preprocess`, or correct the path"),
        ("verify tow", "did you mean two?"),
        ("verify too --artifacts elsewhere", "did you mean toy?"),
        ("verify --artifacts empty", "run `shardmill preprocess` first, or check --artifacts"),
        ("predict runs new.csv", "give one of runs/toy/model, runs/two/model"),
        ("predict elsewhere/toy.toml new.csv", "give runs/toy/model"),
        ("predict artifacts/new new.csv", "correct the path"),
        ("train new.toml", "build it with `shardmill preprocess new.toml` first"),
        ("train tow", "did you mean two?"),
        ("train nothing", "build it with `shardmill preprocess`, or correct the path"),
        ("preprocess oter.toml", "did you mean other.toml?"),
        ("preprocess oter", "did you mean other?"),
        ("preprocess titanic.toml", "did you mean titanic?"),
        ("preprocess nothing", "check the name; `shardmill recipe list` names the shipped ones"),
    ],
)
def test_the_form_that_was_meant(here: Path, command: str, fix: str) -> None:
    result = run(*command.split())
    assert result.exit_code in (3, 5), result.output
    assert f"  to do     {fix}\n" in result.stderr


def test_python_takes_paths_alone(here: Path) -> None:
    with pytest.raises(shardmill.MissingArtifactError, match=r"give artifacts/toy$"):
        shardmill.open("toy")


def test_runs_that_would_have_one_folder(here: Path) -> None:
    result = run("train", "toy", "elsewhere/toy")
    assert result.exit_code == 2
    assert "artifacts/toy and elsewhere/toy would have the same folder" in result.stderr


@pytest.mark.parametrize("name", ["", ".", "/", "..", "a\\b", "x" * 5_000])
def test_names_that_no_file_can_have(here: Path, name: str) -> None:
    for command in ("inspect", "train", "preprocess"):
        result = run(command, name)
        assert result.exit_code in (3, 5), (command, result.output)


def test_many_artifacts_are_not_all_listed(tmp_path: Path) -> None:
    for at in range(7):
        (tmp_path / f"a{at}").mkdir()
        (tmp_path / f"a{at}/manifest.json").touch()
    listed = ", ".join(f"{tmp_path}/a{at}" for at in range(5))
    assert way_to_artifact(tmp_path) == f"give one of {listed}, ..."
