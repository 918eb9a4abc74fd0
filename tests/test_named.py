"""Names and paths of artifacts, recipes, runs and models are understood by one rule everywhere."""

from pathlib import Path

import pytest
from commands import Toy, done

from shardmill.named import dataset_name, find_artifact, find_model, find_recipe

OTHER = "elsewhere/other"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a recipe, an artifact and a run called toy, and others elsewhere."""
    for path in (
        "artifacts/toy/manifest.json",
        "runs/toy/model/model.json",
        f"{OTHER}/manifest.json",
        "elsewhere/runs/other/model/model.json",
        "runs/begun/checkpoints/last.ckpt",
        "artifacts/begun/manifest.json",
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    (tmp_path / "toy.toml").write_text('name = "toy"\n')
    (tmp_path / "renamed.toml").write_text('name = "toy"\n')
    (tmp_path / "titanic.toml").write_text('name = "titanic"\n')
    (tmp_path / "mnist.toml").touch()
    (tmp_path / "broken.toml").write_text("name =")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FORMS = ["toy", "artifacts/toy", "artifacts/toy/", "./artifacts/toy", "toy.toml", "renamed.toml"]
FORMS += ["runs/toy", "runs/toy/model", "./runs/toy/model/"]
NOTHING = ["", ".", "..", "/", "a/b", "none.toml", "broken.toml", "x" * 5000, "a\0b"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_stands_for_the_same(form: str) -> None:
    assert dataset_name(form) == "toy"
    assert find_artifact(form, Path("artifacts")) == Path("artifacts/toy")
    assert find_model(form, Path("runs")) == Path("runs/toy/model")
    recipe = find_recipe(form, ["titanic"])
    assert recipe == (form if form.endswith(".toml") else "toy.toml")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("form", NOTHING)
def test_what_stands_for_nothing(form: str) -> None:
    assert dataset_name(form) is None
    assert find_artifact(form, Path("artifacts")) is None
    assert find_model(form, Path("runs")) is None


@pytest.mark.usefixtures("here")
def test_a_path_comes_before_a_name() -> None:
    assert find_artifact(OTHER, Path("artifacts")) == Path(OTHER)
    assert find_model("elsewhere/runs/other", Path("runs")) == Path("elsewhere/runs/other/model")
    assert find_artifact("other", Path("artifacts")) is None
    assert find_artifact("other", Path("elsewhere")) == Path(OTHER)
    assert find_model("other", Path("elsewhere/runs")) == Path("elsewhere/runs/other/model")


@pytest.mark.usefixtures("here")
def test_a_path_is_never_taken_for_another_one() -> None:
    assert find_artifact("backup/toy", Path("artifacts")) is None
    assert find_model("backup/runs/toy/model", Path("runs")) is None
    assert find_recipe("backup/toy", ["toy"]) is None


@pytest.mark.usefixtures("here")
def test_a_run_without_a_model_has_a_name() -> None:
    assert find_artifact("runs/begun", Path("artifacts")) == Path("artifacts/begun")
    assert find_model("runs/begun", Path("runs")) is None


@pytest.mark.usefixtures("here")
def test_files_come_before_shipped_recipes_unless_they_are_empty() -> None:
    shipped = ["titanic", "mnist", "ag_news"]
    assert [find_recipe(n, shipped) for n in shipped] == ["titanic.toml", "mnist", "ag_news"]
    assert find_recipe("none", shipped) is None
    assert find_recipe("none.toml", shipped) == "none.toml"


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Toy(tmp_path)
    monkeypatch.chdir(tmp_path)
    built = done("preprocess", "toy", "--raw", "raw")
    assert built.stdout.endswith("artifacts/toy\n")
    expected = done("inspect", "artifacts/toy").stdout
    for form in ("toy", "toy.toml", "artifacts/toy", "artifacts", None):
        arguments = [] if form is None else [form]
        assert done("inspect", *arguments).stdout == expected
        assert done("verify", *arguments).stdout.startswith("artifacts/toy: ")
    for form in ("toy", "toy.toml", "artifacts/toy"):
        assert done("preprocess", form, "--raw", "raw").stdout.startswith("toy  up to date")
        assert "valid" in done("recipe", "validate", form).stdout
        assert done("recipe", "show", form).stdout == (tmp_path / "toy.toml").read_text()


def test_an_own_recipe_in_place_of_a_shipped_one_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = Toy(tmp_path)
    text = (toy.folder / "toy.toml").read_text()
    (tmp_path / "iris.toml").write_text(text.replace("toy", "iris"))
    monkeypatch.chdir(tmp_path)
    result = done("preprocess", "iris", "--raw", "raw")
    assert result.stderr == "note: iris is iris.toml here, not the shipped recipe\n"
    assert result.stdout.startswith("iris  built")
