"""Baselines learn numbers of each kind, and say how close they come."""

import csv
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from building import build
from checkpoints import same_bits, state
from number_artifacts import ARTIFACTS, TABLE, homes
from stopped_runs import stop_before

import shardmill
from shardmill import SettingsError
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.objectives.measures import MEASURES
from shardmill.training.run.report_epochs import make_reporters
from shardmill.training.run.train_artifact import RunOptions, train_artifact
from shardmill.training.saved.evaluate_model import evaluate_model
from shardmill.training.saved.evaluate_numbers import NumberEvaluation

METRICS = ("loss", "rmse", "mae", "r2", "rmse_of_mean")


def train(artifact: Path, out: Path, changes: dict[str, Any] | None = None, **options: Any) -> Any:
    return train_artifact(artifact, out, options=RunOptions(changes or {}, **options))


@pytest.mark.parametrize(
    ("name", "model", "epochs", "at_least"),
    [
        ("homes", {}, 10, 0.9),
        ("notes", {"buckets": 64}, 20, 0.6),
        ("notes", {"architecture": "text_transformer", "width": 16}, 8, 0.5),
        ("spots", {}, 6, 0.8),
        ("spots", {"architecture": "image_resnet", "width": 4}, 6, 0.8),
    ],
)
def test_baselines_learn(
    tmp_path: Path, name: str, model: dict[str, Any], epochs: int, at_least: float
) -> None:
    artifact = ARTIFACTS[name](tmp_path)
    changes = {"model": model, "epochs": epochs, "batch_size": 32}
    result = train(artifact, tmp_path / "runs", changes)
    found, split = result.metrics, result.evaluated
    assert result.task == "number"
    assert found.keys() >= {"train_loss", *(f"{split}_{metric}" for metric in METRICS)}
    assert found[f"{split}_r2"] > at_least
    model_ = shardmill.load_model(result.folder / "model")
    evaluation = evaluate_model(model_, artifact, split)
    assert isinstance(evaluation, NumberEvaluation)
    for metric in METRICS[1:]:
        assert getattr(evaluation, metric) == pytest.approx(found[f"{split}_{metric}"], rel=1e-4)
    # What the network itself returns is in the unit of the target.
    bag: Any = {"layout": "bag"} if name == "notes" else {}
    dataset: Any = shardmill.open(artifact, split, **bag)
    x, y = dataset[: len(dataset)]
    output = model_.outputs(x)
    assert (output.shape, output.dtype) == (y.shape, torch.float32)
    rmse = float((output.double() - y.double()).square().mean().sqrt())
    assert rmse == pytest.approx(found[f"{split}_rmse"], rel=1e-4)
    guess = shardmill.open(artifact)[:][1].double().mean()
    of_mean = float((guess - y.double()).square().mean().sqrt())
    assert of_mean == pytest.approx(found[f"{split}_rmse_of_mean"], rel=1e-4)


@pytest.mark.parametrize("unit", [1e-12, 1e9])
def test_the_unit_does_not_matter(tmp_path: Path, unit: float) -> None:
    (tmp_path / "other").mkdir()
    ours = train(homes(tmp_path), tmp_path / "a", {"epochs": 3}).metrics
    theirs = train(homes(tmp_path / "other", unit=unit), tmp_path / "b", {"epochs": 3}).metrics
    for metric, value in ours.items():
        factor = unit if metric.endswith(("rmse", "mae", "rmse_of_mean")) else 1
        assert theirs[metric] == pytest.approx(value * factor, rel=1e-3), metric


def test_each_epoch_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artifact = homes(tmp_path)
    metrics = train(artifact, tmp_path / "runs", {"epochs": 2}, report="lines").metrics
    first, last = capsys.readouterr().err.splitlines()
    number = r"-?\d+\.\d+"
    form = rf"loss {number}  RMSE {number} \(mean {number}\) MAE {number} R² {number}  \d+\.\d s"
    assert re.fullmatch(f"epoch 1/2  {form}", first) and re.fullmatch(f"epoch 2/2  {form}", last)
    assert f"RMSE {metrics['validation_rmse']:.2f}"[:9] in last
    assert f"R² {metrics['validation_r2']:.4f}" in last


def test_the_longest_line_fits(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("validation_rmse", "validation_mae", "validation_rmse_of_mean")
    metrics = {"train_loss": 0.1234, **dict.fromkeys(names, 12345.6), "validation_r2": -0.1234}
    trainer: Any = SimpleNamespace(
        current_epoch=99, max_epochs=100, callback_metrics=metrics, is_global_zero=True
    )
    (lines,) = make_reporters("lines", MEASURES["number"].told)
    lines.on_train_epoch_start(trainer, None)
    lines.on_train_epoch_end(trainer, None)
    line = capsys.readouterr().err.rstrip()
    said = "loss 0.1234  RMSE 12346 (mean 12346) MAE 12346 R² -0.1234  0.0 s"
    assert line == f"epoch 100/100  {said}"
    assert len(line) <= 80


def test_a_table_of_outliers(tmp_path: Path) -> None:
    artifact = homes(tmp_path)
    rows = (tmp_path / "homes.csv").read_text().splitlines()
    for place in range(1, 300, 30):
        rows[place] = rows[place].rpartition(",")[0] + ",90000"
    (tmp_path / "homes.csv").write_text("\n".join(rows) + "\n")
    artifact = build(parse_recipe(TABLE, where="test"), tmp_path, tmp_path / "artifacts")
    changes = {"epochs": 10}
    squared = train(artifact, tmp_path / "a", changes).metrics
    huber = train(artifact, tmp_path / "b", {**changes, "loss": "huber"}).metrics
    assert huber["validation_mae"] < squared["validation_mae"] / 2


@pytest.mark.parametrize("metric", ["validation_rmse", "validation_mae", "validation_r2"])
def test_the_best_epoch_of_a_metric(tmp_path: Path, metric: str) -> None:
    stopping = {"metric": metric, "patience": 2, "min_delta": 0.01}
    changes = {"epochs": 30, "learning_rate": 0.05, "early_stopping": stopping}
    result = train(homes(tmp_path), tmp_path / "runs", changes)
    with (result.folder / "logs" / "csv" / "version_0" / "metrics.csv").open() as lines:
        found = [float(row[metric]) for row in csv.DictReader(lines) if row[metric]]
    best = max(found) if metric.endswith("r2") else min(found)
    assert result.metrics[metric] == pytest.approx(best)
    assert result.stopped is None or f"{metric} has not improved" in result.stopped
    best_ckpt = torch.load(result.folder / "checkpoints" / "best.ckpt", weights_only=True)
    head = best_ckpt["state_dict"]["model.head.mean"]
    assert float(head) == pytest.approx(1550, rel=0.02)  # the buffers are in the checkpoint


def test_a_run_that_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = homes(tmp_path)
    changes = {"epochs": 4, "loss": "huber", "checkpoint": {"every_n_steps": 3}}
    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        stop_before(8, patch)
        train(artifact, tmp_path / "runs", changes)
    resumed = train(artifact, tmp_path / "runs", resume=True)
    alone = train(artifact, tmp_path / "alone", changes)
    assert resumed.metrics == alone.metrics
    assert same_bits(state(resumed.folder), state(alone.folder))


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_precision(tmp_path: Path, precision: str) -> None:
    artifact = homes(tmp_path, unit=1000)  # bfloat16 has no number between 1,552,384 and 1,560,576
    result = train(artifact, tmp_path / "runs", {"epochs": 8, "precision": precision})
    assert result.metrics["validation_r2"] > 0.9
    facts = json.loads((result.folder / "model" / "model.json").read_bytes())
    y = shardmill.open(artifact)[:][1].double()
    assert facts["target"] == {
        "name": "price",
        "mean": pytest.approx(float(y.mean()), rel=1e-6),
        "std": pytest.approx(float(y.std(correction=0)), rel=1e-6),
    }
    loaded = shardmill.load_model(result.folder / "model")
    assert evaluate_model(loaded, artifact, "validation").to_dict()["r2"] > 0.9


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"loss": "cross_entropy"}, "loss: expected one of squared, huber, since .* are numbers"),
        (
            {"early_stopping": {"metric": "validation_accuracy"}},
            r"early_stopping.metric: .* validation_rmse, .* are numbers, found validation_accuracy",
        ),
        ({"checkpoint": {"metric": "validation_accuracy"}}, "checkpoint.metric: expected one of"),
        ({"precision": "bf16-true"}, "precision: .* does not round .* set precision to bf16-mixed"),
        ({"loss": "mse"}, "loss: "),
    ],
)
def test_settings_that_numbers_do_not_have(
    tmp_path: Path, changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(SettingsError, match=fault):
        train(homes(tmp_path), tmp_path / "runs", changes)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"loss": "huber"}, "loss: expected one of cross_entropy, since the targets are classes"),
        (
            {"early_stopping": {"metric": "validation_r2"}},
            "one of train_loss, validation_loss, validation_accuracy, since .* are classes",
        ),
    ],
)
def test_settings_that_classes_do_not_have(
    sample_artifacts: Path, tmp_path: Path, changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(SettingsError, match=fault):
        train(sample_artifacts / "titanic", tmp_path, changes)


def test_two_devices_come_to_the_metrics_of_one(tmp_path: Path) -> None:
    artifact = homes(tmp_path, rows=301)  # of the last step and of 101 rows to validate, one is odd
    exact: dict[str, Any] = {"precision": "64-true", "epochs": 2, "model": {"dropout": 0.0}}
    both = train(artifact, tmp_path / "both", {**exact, "batch_size": 32, "devices": 2})
    alone = train(artifact, tmp_path / "alone", {**exact, "batch_size": 64})
    assert both.metrics.keys() == alone.metrics.keys()
    for metric, value in alone.metrics.items():
        assert both.metrics[metric] == pytest.approx(value, rel=1e-5), metric
