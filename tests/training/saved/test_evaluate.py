"""What a saved model gets right, and which artifacts it can be held against."""

import json
from pathlib import Path

import pytest
import torch
from building import build
from click.testing import CliRunner, Result
from saved_models import open_split, save
from torchmetrics.functional.classification import multiclass_f1_score

from shardmill import ModelError
from shardmill.cli import main
from shardmill.cli.print_models import print_evaluation
from shardmill.recipe.load_recipe import parse_recipe, shipped_recipe_text
from shardmill.training.saved.evaluate_classes import ClassEvaluation, ClassScores
from shardmill.training.saved.evaluate_model import default_split, evaluate_model
from shardmill.training.saved.load_model import load_model

SPLITS = {"titanic": "validation", "mnist": "test", "ag_news": "test"}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", SPLITS)
def test_scores(sample_artifacts: Path, model_folders: Path, name: str) -> None:
    model = load_model(model_folders / name)
    found = evaluate_model(model, sample_artifacts / name, SPLITS[name], batch_size=100)
    dataset = open_split(sample_artifacts / name, SPLITS[name])
    x, y = dataset[: len(dataset)]
    logits = model.logits(x)
    guessed = logits.argmax(1)
    assert isinstance(found, ClassEvaluation)
    assert found.rows == len(y) and found.sample
    assert found.accuracy == int((guessed == y).sum()) / len(y)
    count = len(model.classes)
    table = torch.bincount(y * count + guessed, minlength=count**2).view(count, count)
    assert found.confusion == tuple(map(tuple, table.tolist()))
    f1 = multiclass_f1_score(logits, y, count, average="none")
    for index, scores in enumerate(found.classes):
        right, said = int(table[index, index]), int(table[:, index].sum())
        assert scores.name == model.classes[index]
        assert scores.rows == int((y == index).sum())
        assert scores.precision == pytest.approx(right / said if said else 0.0)
        assert scores.recall == pytest.approx(right / scores.rows if scores.rows else 0.0)
        assert scores.f1 == pytest.approx(float(f1[index]))


def test_the_command(sample_artifacts: Path, model_folders: Path) -> None:
    arguments = ["evaluate", model_folders / "ag_news", sample_artifacts / "ag_news"]
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "test: " in result.stdout and "(SAMPLE DATA)" in result.stdout
    assert "accuracy 0." in result.stdout
    assert result.stdout.count("Sci/Tech") == 3  # both tables, and a column of the second
    facts = json.loads(run(*arguments, "--split", "train", "--json").stdout)
    assert facts["split"] == "train"
    assert facts["rows"] == sum(map(sum, facts["confusion"]))
    assert [c["name"] for c in facts["classes"]][:2] == ["World", "Sports"]


TREES = """
name = "trees"
kind = "tabular"
[columns]
height = { dtype = "float64", scale = "standardise" }
wood = { dtype = "str", categories = "learn" }
old = { dtype = "str" }
[target]
column = "old"
classes = ["no", "yes"]
[splits.train.csv]
path = "trees.csv"
"""


@pytest.mark.parametrize(
    ("change", "rows", "fault"),
    [
        (
            ('"no", "yes"', '"yes", "no"'),
            None,
            "classes no, yes, .*found classes yes, no",
        ),
        (
            ("height = {", "size = {"),
            None,
            "features height, wood, .* features size, wood",
        ),
        (('"learn" }', '"learn", encode = "one_hot" }'), None, r"expected fields x float32 \[2\]"),
        (("", ""), "height,wood,old\n1,oak,no\n2,elm,yes\n", r"expected categories wood: .*'fir'"),
        (("", ""), "height,wood,old\n7,oak,no\n2,fir,yes\n", "expected scales .*, found scales "),
    ],
)
def test_artifacts_that_do_not_fit(
    tmp_path: Path, change: tuple[str, str], rows: str | None, fault: str
) -> None:
    (tmp_path / "trees.csv").write_text("height,wood,old\n1,oak,no\n2,fir,yes\n")
    save(build(parse_recipe(TREES, where="test"), tmp_path, tmp_path / "a"), tmp_path / "model")
    recipe = TREES.replace(*change)
    header = "size,wood,old" if "size" in recipe else "height,wood,old"
    (tmp_path / "trees.csv").write_text(rows or f"{header}\n1,oak,no\n2,fir,yes\n")
    other = build(parse_recipe(recipe, where="test"), tmp_path, tmp_path / "b")
    model = load_model(tmp_path / "model")
    with pytest.raises(ModelError, match=fault):
        evaluate_model(model, other, "train")
    assert evaluate_model(model, tmp_path / "a/trees", "train").rows == 2


def test_names_of_classes_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    scores = tuple(ClassScores(name, 1.0, 1.0, 1.0, 1) for name in ("[b]", "[/red]"))
    print_evaluation(ClassEvaluation("m", "a", "test", False, 2, 1.0, scores, ((1, 0), (0, 1))))
    text = capsys.readouterr().out
    assert text.count("[b]") == text.count("[/red]") == 3


def test_splits_that_say_nothing(tmp_path: Path) -> None:
    bare = TREES + '[splits.bare]\nlabelled = false\ncsv.path = "bare.csv"\n'
    (tmp_path / "trees.csv").write_text("height,wood,old\n1,oak,no\n2,fir,yes\n")
    (tmp_path / "bare.csv").write_text("height,wood\n1,oak\n")
    artifact = build(parse_recipe(bare, where="test"), tmp_path, tmp_path / "a")
    save(artifact, tmp_path / "model")
    result = run("evaluate", tmp_path / "model", artifact, "--split", "bare")
    assert result.exit_code == 5, result.output
    assert "expected  rows with labels" in result.stderr
    assert "found     1 without a target" in result.stderr
    result = run("evaluate", tmp_path / "model", artifact, "--split", "trian")
    assert result.exit_code == 5
    assert "did you mean train?" in result.stderr


def test_the_split_that_nobody_named(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    result = run("evaluate", model_folders / "titanic", sample_artifacts / "titanic", "--json")
    assert json.loads(result.stdout)["split"] == "validation"
    splits = '[splits.validation]\ncsv.path = "others.csv"\n'
    splits += '[splits.test]\nlabelled = false\ncsv.path = "bare.csv"\n'
    (tmp_path / "others.csv").write_text("height,wood,old\n1,oak,no\n2,fir,yes\n")
    (tmp_path / "trees.csv").write_text("height,wood,old\n1,oak,no\n2,fir,yes\n")
    (tmp_path / "bare.csv").write_text("height,wood\n1,oak\n")
    artifact = build(parse_recipe(TREES + splits, where="test"), tmp_path, tmp_path / "a")
    assert default_split(artifact) == "validation"
    assert default_split(sample_artifacts / "ag_news") == "test"
    assert "else validation" in run("evaluate", "--help").stdout


def test_another_kind_and_another_vocabulary(
    sample_artifacts: Path, sample_raw: Path, model_folders: Path, tmp_path: Path
) -> None:
    model = load_model(model_folders / "ag_news")
    with pytest.raises(ModelError, match=r"expected an artifact of kind text.*of kind image"):
        evaluate_model(model, sample_artifacts / "mnist", "test")
    recipe = shipped_recipe_text("ag_news").replace("min_freq = 1", "min_freq = 3")
    other = build(parse_recipe(recipe, where="test"), sample_raw, tmp_path)
    with pytest.raises(ModelError, match=r"expected tokens \([\d,]+.*, found tokens \("):
        evaluate_model(model, other, "test")


def test_a_picture(sample_artifacts: Path, model_folders: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for ending in ("svg", "png"):
        path = tmp_path / f"confusion.{ending}"
        arguments = [model_folders / "ag_news", sample_artifacts / "ag_news", "--picture", path]
        result = run("evaluate", *arguments)
        assert result.exit_code == 0, result.output
        assert path.stat().st_size > 1_000
        assert result.stderr == f"wrote {path}\n"
    result = run("evaluate", *arguments[:2], "--picture", tmp_path / "confusion.qqq")
    assert result.exit_code == 7
    assert "of a format such as svg or png" in result.stderr


def test_a_picture_without_matplotlib(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "matplotlib" else 1
    )
    arguments = [model_folders / "ag_news", sample_artifacts / "ag_news"]
    result = run("evaluate", *arguments, "--picture", tmp_path / "confusion.svg")
    assert result.exit_code == 1
    assert "--picture needs matplotlib: pip install 'matplotlib'" in result.stderr
