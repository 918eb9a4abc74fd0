"""Baselines learn, and say what came of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bikes import BIKES, write_raw
from building import build
from click.testing import CliRunner

from shardmill import UntrainableError
from shardmill.cli import main
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.run.train_artifact import RunOptions, train_artifact
from shardmill.training.saved.evaluate_classes import ClassEvaluation
from shardmill.training.saved.evaluate_model import evaluate_model
from shardmill.training.saved.load_model import load_model
from shardmill.training.settings.settings import Settings


@pytest.mark.parametrize(
    ("name", "model", "epochs", "at_least"),
    [
        # what the majority class would give: 0.63, 0.10, 0.25
        ("titanic", {}, 30, 0.75),
        ("mnist", {}, 2, 0.8),
        ("mnist", {"architecture": "image_resnet", "width": 8}, 3, 0.8),
        ("ag_news", {}, 4, 0.75),
        ("ag_news", {"architecture": "text_transformer", "width": 32}, 2, 0.75),
    ],
)
def test_baselines_learn_the_sample(
    sample_artifacts: Path,
    tmp_path: Path,
    name: str,
    model: dict[str, Any],
    epochs: int,
    at_least: float,
) -> None:
    options = RunOptions({"model": model})
    result = train_artifact(sample_artifacts / name, tmp_path, epochs=epochs, options=options)
    split = "validation" if name == "titanic" else "test"
    assert result.metrics[f"{split}_accuracy"] >= at_least
    loaded = load_model(tmp_path / name / "model")
    chosen = Settings.model_validate(loaded.facts.settings).model.model_dump()
    assert chosen | model == chosen
    found = evaluate_model(loaded, sample_artifacts / name, split)
    assert isinstance(found, ClassEvaluation)
    assert found.accuracy == pytest.approx(result.metrics[f"{split}_accuracy"], abs=1e-6)
    written = json.loads((tmp_path / name / "metrics.json").read_bytes())
    assert written["metrics"] == result.metrics
    assert written["sample"] is True
    assert written["settings"]["epochs"] == epochs


def test_the_same_seed_gives_the_same_run(sample_artifacts: Path, tmp_path: Path) -> None:
    def run(seed: int) -> dict[str, float]:
        return train_artifact(sample_artifacts / "titanic", tmp_path, seed=seed, epochs=2).metrics

    assert run(1) == run(1)
    assert run(1)["train_loss"] != run(2)["train_loss"]


def test_the_command(sample_artifacts: Path, tmp_path: Path) -> None:
    options = ["--artifacts", str(sample_artifacts), "--out", str(tmp_path)]
    runner = CliRunner()
    run = runner.invoke(main, ["train", "titanic", *options, "--epochs", "1"])
    assert run.exit_code == 0, run.output
    assert "titanic (SAMPLE DATA)" in run.stdout
    run = runner.invoke(main, ["train", "titanic", *options, "--epochs", "1", "--json"])
    assert json.loads(run.stdout)[0]["name"] == "titanic"
    run = runner.invoke(main, ["train", "titanik", *options])
    assert run.exit_code == 5
    assert "did you mean titanic?" in run.stderr
    run = runner.invoke(main, ["train", "--artifacts", str(tmp_path / "none"), "--out", "x"])
    assert run.exit_code == 5
    assert "run `shardmill preprocess` first" in run.stderr


def test_what_the_baselines_cannot_learn(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(encode_idx(np.zeros((9, 4, 4), np.uint8)))
    (tmp_path / "labels").write_bytes(encode_idx(np.zeros(9, np.uint8)))
    bare = 'name = "tiny"\nkind = "image"\nsplits.train.images.path = "images"\n'
    write_raw(tmp_path, 50)
    # recipe, what is wrong with it
    table = [
        (
            bare + "splits.train.labelled = false",
            "expected one target, a class or a number for each row, found no target; name one",
        ),
        (
            bare + 'splits.train.labels.path = "labels"\ntarget.classes = ["a", "b"]',
            r"expected images \[c, h, w\] of at least 8 x 8 pixels, found \[1, 4, 4\]",
        ),
        (
            BIKES,
            "found 2 targets: minutes, returned; leave only one of them in the recipe, under "
            r"\[target\], and build again, or train a model of your own",
        ),
    ]
    for number, (text, fault) in enumerate(table):
        artifact = build(parse_recipe(text, where="test"), tmp_path, tmp_path / str(number))
        with pytest.raises(UntrainableError, match=fault):
            train_artifact(artifact, tmp_path)
