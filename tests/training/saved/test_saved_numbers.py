"""Saved models of numbers: evaluated, asked for raw rows, exported, and what is said of them."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from building import build
from click.testing import CliRunner, Result
from number_artifacts import ARTIFACTS, TABLE, homes
from saved_models import save

import shardmill
from shardmill import ManifestError, ModelError
from shardmill.cli import main
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.run.train_artifact import RunOptions, train_artifact
from shardmill.training.saved.evaluate_model import evaluate_model


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The folder of a model of the prices of homes."""
    options = RunOptions({"epochs": 5})
    return train_artifact(homes(tmp_path), tmp_path / "runs", options=options).folder / "model"


def test_what_a_model_says_of_itself(tmp_path: Path, trained: Path) -> None:
    model = shardmill.load_model(trained)
    assert model.facts.target is not None
    assert (model.facts.target.name, model.classes) == ("price", ())
    assert repr(model) == "Model(tabular_mlp of homes, number price)"
    found = model.predict([{"area": 100.0, "town": "a"}, {"area": "160", "town": "b"}])
    assert (found.shape, found.dtype) == ((2,), torch.float32)
    assert 1000 < float(found[0]) < float(found[1]) < 2500
    x = model.preprocessor([{"area": 100.0, "town": "a"}])
    assert torch.equal(model.outputs(x), model.answers(x))
    for ask in (model.logits, model.probabilities):
        with pytest.raises(ModelError, match=r"a model of classes, found .* number price"):
            ask(x)


def test_the_target_is_written_for_numbers_alone(
    trained: Path, model_folders: Path, tmp_path: Path
) -> None:
    of_numbers = json.loads((trained / "model.json").read_bytes())
    assert of_numbers["target"].keys() == {"name", "mean", "std"}
    assert "target" not in json.loads((model_folders / "titanic" / "model.json").read_bytes())
    text = (trained / "model.json").read_text()
    start = text.index('  "target"')
    without = text[:start] + text[text.index('  "trained_on"') :]
    (trained / "model.json").write_text(without)
    with pytest.raises(ManifestError, match="needs classes, or a target that is a number"):
        shardmill.load_model(trained)


def test_evaluate(trained: Path, tmp_path: Path) -> None:
    artifact = tmp_path / "artifacts" / "homes"
    picture = tmp_path / "residuals.svg"
    said = run("evaluate", trained, artifact, "--picture", picture)
    assert said.exit_code == 0, said.output
    first, rmse, mae, r2 = said.stdout.splitlines()
    assert first.endswith("homes, validation: 101 rows")
    facts = json.loads(run("evaluate", trained, artifact, "--json").stdout)
    assert facts.keys() >= {"rmse", "mae", "r2", "rmse_of_mean", "target"}
    assert rmse.startswith(f"RMSE {facts['rmse']:.2f}"[:9])
    assert "where the mean of train has" in rmse
    assert mae.startswith("MAE  ") and r2 == f"R²   {facts['r2']:.4f}"
    assert "predicted price" in picture.read_text() or picture.stat().st_size > 1000
    model = shardmill.load_model(trained)
    found = evaluate_model(model, artifact, "validation", batch_size=13)
    dataset: Any = shardmill.open(artifact, "validation")
    x, y = dataset[:]
    shown: Any = getattr(found, "shown")  # noqa: B009  of numbers alone
    predicted, true = (torch.tensor(column) for column in zip(*shown, strict=True))
    assert torch.equal(true, y)
    torch.testing.assert_close(predicted, model.outputs(x))


def test_an_artifact_with_another_target(trained: Path, tmp_path: Path) -> None:
    recipe = TABLE.replace("price", "rent")
    for name in ("homes.csv", "later.csv"):
        (tmp_path / name).write_text((tmp_path / name).read_text().replace("price", "rent"))
    other = build(parse_recipe(recipe, where="test"), tmp_path, tmp_path / "other")
    with pytest.raises(ModelError, match=r"expected target price, .* found target rent"):
        evaluate_model(shardmill.load_model(trained), other, "train")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_predict(trained: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"found.{form}"
    said = run("predict", trained, tmp_path / "later.csv", "--keep", "price", "--out", out)
    assert said.exit_code == 0, said.output
    if form == "csv":
        rows: list[dict[str, Any]] = list(csv.DictReader(out.read_text().splitlines()))
    elif form == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        rows = pq.read_table(out).to_pylist()
    assert list(rows[0]) == ["row", "price", "predicted"]
    dataset: Any = shardmill.open(tmp_path / "artifacts" / "homes", "validation")
    expected = shardmill.load_model(trained).outputs(dataset[:][0])
    found = torch.tensor([float(row["predicted"]) for row in rows])
    torch.testing.assert_close(found, expected)


def test_what_predict_cannot_do(trained: Path, tmp_path: Path) -> None:
    said = run("predict", trained, tmp_path / "later.csv", "--all")
    assert said.exit_code == 2 and "numbers, which have no classes" in said.stderr
    (tmp_path / "x.csv").write_text("area,town,predicted\n1,a,3\n")
    said = run("predict", trained, tmp_path / "x.csv", "--keep", "predicted")
    assert said.exit_code == 2 and "a column 'predicted' is written already" in said.stderr


@pytest.mark.parametrize("name", ARTIFACTS)
def test_export(tmp_path: Path, name: str) -> None:
    artifact = ARTIFACTS[name](tmp_path)
    options = RunOptions({"epochs": 1, "model": {"buckets": 64} if name == "notes" else {}})
    model = train_artifact(artifact, tmp_path / "runs", options=options).folder / "model"
    out = tmp_path / "model.pt2"
    said = run("export", model, "--out", out)
    assert said.exit_code == 0, said.output
    assert "  returns  numbers [b]\n  checked  numbers differ by " in said.stdout
    extra = {"model.json": ""}
    network = torch.export.load(out, extra_files=extra).module()
    assert json.loads(extra["model.json"])["target"]["name"] in ("price", "stars", "label")
    bag: Any = {"layout": "bag"} if name == "notes" else {}
    dataset: Any = shardmill.open(artifact, "validation", **bag)
    x = dataset[:50][0]
    found = network(*x) if name == "notes" else network(x)
    torch.testing.assert_close(found, shardmill.load_model(model).outputs(x))


def test_numbers_far_from_zero_are_compared_in_their_unit(tmp_path: Path) -> None:
    save(homes(tmp_path, unit=1e9), tmp_path / "model")
    said = run("export", tmp_path / "model", "--out", tmp_path / "model.pt2")
    assert said.exit_code == 0, said.output
