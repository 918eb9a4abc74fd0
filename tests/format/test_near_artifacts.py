"""What errors advise where a name was given for a path, a path for a name, or a recipe."""

from pathlib import Path

import pytest
from commands import Toy, done, run


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
        ("inspect toy", "give artifacts/toy"),
        ("inspect toy.toml", "give artifacts/toy"),
        ("inspect two", "give artifacts/two"),
        ("inspect new.toml", "build it with `shardmill preprocess new.toml` first"),
        ("inspect elsewhere", "give elsewhere/toy"),
        ("inspect elsewhere/tooy", "did you mean elsewhere/toy?"),
        ("inspect nothing", "build it with `shardmill preprocess`, or correct the path"),
        ("verify artifacts", "give one of artifacts/toy, artifacts/two"),
        ("verify toy", "give artifacts/toy"),
        ("predict runs/toy new.csv", "give runs/toy/model"),
        ("predict runs new.csv", "give one of runs/toy/model, runs/two/model"),
        ("predict toy new.csv", "give runs/toy/model"),
        ("predict toy.toml new.csv", "give runs/toy/model"),
        ("predict artifacts/new new.csv", "correct the path"),
        ("train artifacts/toy", "did you mean toy?"),
        ("train toy.toml", "did you mean toy?"),
        ("train new.toml", "run `shardmill preprocess new.toml` first"),
        ("train toy --artifacts elsewhere/toy", "run `shardmill preprocess` first"),
        ("train tow", "did you mean two?"),
        ("train nothing", "run `shardmill preprocess` first"),
        ("preprocess toy", "did you mean toy.toml?"),
        ("preprocess artifacts/toy", "did you mean toy.toml?"),
        ("preprocess oter.toml", "did you mean other.toml?"),
        ("preprocess titanic.toml", "did you mean titanic?"),
        ("preprocess nothing", "check the name"),
    ],
)
def test_the_form_that_was_meant(here: Path, command: str, fix: str) -> None:
    result = run(*command.split())
    assert result.exit_code in (3, 5), result.output
    assert f"  to do     {fix}\n" in result.stderr


def test_an_artifact_in_another_folder(here: Path) -> None:
    (here / "artifacts").rename(here / "moved")
    result = run("train", "moved/two", "--artifacts", "elsewhere")
    assert "give the name alone, and its folder by --artifacts moved" in result.stderr


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
    assert f"  to do     give one of {listed}, ...\n" in run("inspect", tmp_path).stderr
