"""Raw files in the place of a recipe."""

from pathlib import Path

import pytest
from commands import done, run

ROWS = "".join(f"{i / 3},{'ab'[i % 2]}\n" for i in range(40))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wine.csv").write_text(f"acid,label\n{ROWS}")


def test_a_file_becomes_an_artifact_and_a_recipe() -> None:
    result = done("preprocess", "wine.csv")
    assert "wrote the recipe wine.toml" in result.stderr
    assert "wine  built" in result.stdout
    printed = done("recipe", "infer", "wine.csv").stdout
    assert printed == Path("wine.toml").read_text()
    again = done("preprocess", "wine.csv")
    assert "using wine.toml, which is there already" in again.stderr
    assert "up to date" in again.stdout


def test_a_recipe_that_is_there_is_not_replaced() -> None:
    done("preprocess", "wine.csv")
    mine = Path("wine.toml").read_text().replace("fraction = 0.1", "fraction = 0.2")
    Path("wine.toml").write_text(mine)
    assert "validation 8" in done("preprocess", "wine.csv").stdout
    assert Path("wine.toml").read_text() == mine
    result = run("preprocess", "wine.csv", "--target", "acid")
    assert result.exit_code == 2
    assert "wine.toml is there already, with the target label" in result.stderr
    Path("other.csv").write_text(f"acid,label\n{ROWS}")
    result = run("preprocess", "other.csv", "--name", "wine")
    assert "is not for other.csv: choose another --name" in result.stderr


def test_options_that_mean_nothing_are_refused() -> None:
    result = run("preprocess", "titanic", "--target", "Survived")
    assert (result.exit_code, "--target: needs raw files" in result.stderr) == (2, True)
    result = run("preprocess", "wine.csv", "titanic")
    assert (result.exit_code, "'titanic' is no file" in result.stderr) == (2, True)


def test_a_file_that_is_not_there_is_named() -> None:
    result = run("preprocess", "wne.csv")
    assert result.exit_code == 4
    assert "no such file" in result.stderr
    assert "did you mean wine.csv?" in result.stderr


def test_a_target_must_be_clear() -> None:
    Path("wine.csv").write_text(f"acid,kind\n{ROWS}")
    result = run("preprocess", "wine.csv")
    assert result.exit_code == 4
    assert "name it with --target, most likely kind (2 classes)" in result.stderr
    assert not Path("wine.toml").exists()
