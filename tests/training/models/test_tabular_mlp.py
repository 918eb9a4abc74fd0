"""Tables of numbers and categories: what the model makes of them, in one tensor or in groups."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from bikes import COLUMNS, GROUPS, NAMES, SPLITS, raw_rows
from building import build
from click.testing import CliRunner

import shardmill
from shardmill import TabularDataset
from shardmill.cli import main
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.models.build_model import build_model
from shardmill.training.models.tabular_mlp import TabularMlp
from shardmill.training.saved.load_model import load_model

TARGET = "[target]\ncolumn = 'returned'\nclasses = ['no', 'yes']\n"
WHOLE = COLUMNS.replace("minutes = {", "minutes = { drop = true,") + TARGET
NAN = math.nan


def rows_with_a_rule(rows: int, seed: int = 0) -> list[dict[str, str]]:
    """Return bikes that are returned unless hired at one station, or on the other in the rain."""
    found = raw_rows(rows, seed)
    for row in found:
        bad = row["station"] == "Nord" or (row["station"] == "Ost" and row["weather"] == "rain")
        row["returned"] = "no" if bad else "yes"
    return found


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NAMES)
        writer.writeheader()
        writer.writerows(rows)


def model_of(codes: list[list[int]]) -> TabularMlp:
    torch.manual_seed(0)
    return TabularMlp([2.0, 0.0, 1.0], [4.0, 1.0, 0.0], codes, dropout=0.0).eval()


def test_numbers_are_standardised_and_codes_are_looked_up() -> None:
    model = model_of([[1, 3, 5]])
    assert dict(model.named_buffers())["std"].tolist() == [4.0, 1.0]
    (embedding,) = model.embeddings
    weight = embedding.get_parameter("weight")
    assert weight.shape == (4, 2)
    assert not weight[0].any()
    rows = torch.tensor([[10.0, 4.0, 1.0]])
    # the numbers first, then the row of code 4
    expected = torch.cat([torch.tensor([[2.0, 0.0]]), weight[2:3]], 1)
    assert torch.allclose(model(rows), model.blocks(expected))


# a row, one that must give the same
@pytest.mark.parametrize(
    ("row", "same"),
    [
        ([NAN, 3.0, 1.0], [2.0, 3.0, 1.0]),
        ([2.0, NAN, 1.0], [2.0, 6.0, 1.0]),
        ([2.0, 2.0, NAN], [2.0, -7.0, 1.0]),
        ([2.0, math.inf, 1.0], [2.0, 1e30, 1.0]),
    ],
)
def test_what_is_missing_or_unknown(row: list[float], same: list[float]) -> None:
    model = model_of([[1, 3, 5]])
    with torch.no_grad():
        model.embeddings[0].get_parameter("weight")[0] = 5.0
    found = model(torch.tensor([row, same, [2.0, 3.0, 5.0], [2.0, 4.0, 1.0]]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert bool(found.isfinite().all())


def test_groups_are_the_features_side_by_side() -> None:
    options: dict[str, Any] = {
        "mean": [2.0, 0.0, 1.0],
        "std": [4.0, 1.0, 0.0],
        "codes": [[2, 0, 9]],
    }
    torch.manual_seed(0)
    whole = TabularMlp(**options).eval()
    torch.manual_seed(0)
    groups = TabularMlp(**options, groups=["numbers", "codes"]).eval()
    rows = torch.tensor([[3.0, 1.0, 7.0], [0.0, NAN, 10.0]])
    x = {"codes": rows[:, 2:].to(torch.int16), "numbers": rows[:, :2].double()}
    assert torch.equal(groups(x), whole(rows))


def test_all_numbers_or_all_codes() -> None:
    rows = torch.tensor([[1.0, 0.0], [NAN, 2.0]])
    for codes in ([], [[0, 0, 1], [1, 0, 3]]):
        model = TabularMlp([0.0, 0.0], [1.0, 1.0], codes, width=6, depth=3).eval()
        assert model(rows).shape == (2, 1)


def test_what_is_taken_for_a_code(sample_artifacts: Path, tmp_path: Path) -> None:
    titanic = shardmill.open(sample_artifacts / "titanic")
    assert build_model(titanic).options["codes"] == [[1, 0, 1], [6, 0, 2]]
    write(tmp_path / "bikes.csv", raw_rows(60))
    bikes = shardmill.open(build(parse_recipe(WHOLE + SPLITS, where="test"), tmp_path, tmp_path))
    assert isinstance(bikes, TabularDataset)
    codes = {bikes.features[n]: ends for n, *ends in build_model(bikes).options["codes"]}
    stations = len(bikes.categories["station"]) - 1
    assert codes == {
        "hired.month": [1, 12],
        "hired.weekday": [0, 6],
        "hired.hour": [0, 23],
        "station": [0, stations],
    }
    without = TabularDataset(bikes.path, drop_features=["hired.month", "built"])
    names = [without.features[n] for n, *_ in build_model(without).options["codes"]]
    assert names == ["hired.weekday", "hired.hour", "station"]


def test_a_map_with_gaps_is_of_numbers(tmp_path: Path) -> None:
    (tmp_path / "sizes.csv").write_text("size,shoe,y\nS,a,0\nL,b,1\nS,a,0\n")
    recipe = """
name = "sizes"
kind = "tabular"
splits.train.csv.path = "sizes.csv"
target = { column = "y", classes = ["0", "1"], first = 0 }
[columns]
size = { dtype = "str", map = { S = 10, L = 40 } }
shoe = { dtype = "str", map = { a = -3, b = -2 } }
y = { dtype = "int64" }
"""
    dataset = shardmill.open(build(parse_recipe(recipe, where="test"), tmp_path, tmp_path))
    assert build_model(dataset).options["codes"] == [[1, -3, -2]]


@pytest.mark.parametrize("groups", [GROUPS, ""])
def test_from_raw_rows_to_predictions(tmp_path: Path, groups: str) -> None:
    write(tmp_path / "bikes.csv", rows_with_a_rule(600))
    write(tmp_path / "test.csv", rows_with_a_rule(100, seed=1))
    text = f"{WHOLE}{groups}{SPLITS}[splits.test]\ncsv.path = 'test.csv'"
    artifact = build(parse_recipe(text, where="test"), tmp_path, tmp_path)
    options = ["--artifacts", str(tmp_path), "--out", str(tmp_path / "runs"), "--epochs", "20"]
    metrics = json.loads(run("train", "bikes", *options, "--json"))[0]["metrics"]
    assert metrics["test_accuracy"] > 0.9  # of one class there are 0.6
    folder = tmp_path / "runs/bikes/model"
    model = load_model(folder)
    evaluation = json.loads(run("evaluate", str(folder), str(artifact), "--json"))
    assert evaluation["accuracy"] == pytest.approx(metrics["test_accuracy"])
    test = shardmill.open(artifact, "test")
    assert isinstance(test[:2][0], dict) == bool(groups)
    expected = torch.cat([model.probabilities(x) for x, _ in test.loader(64)])
    text = run("predict", str(folder), str(tmp_path / "test.csv"), "--all", "--batch-size", "64")
    rows = [[float(row["p_no"]), float(row["p_yes"])] for row in csv.DictReader(io.StringIO(text))]
    assert torch.equal(torch.tensor(rows), expected)


def run(*words: str) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.stdout
