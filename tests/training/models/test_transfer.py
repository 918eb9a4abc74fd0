"""Runs that start from a saved model: what comes over, what is frozen, what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from building import build
from click.testing import CliRunner
from torch import nn
from transfers import changed, train, weights

import shardmill
from shardmill import ModelError, SettingsError
from shardmill.cli import main
from shardmill.recipe.load_recipe import parse_recipe, shipped_recipe_text
from shardmill.training.models.freeze_parts import freeze_parts, parts_below
from shardmill.training.run.train_artifact import RunOptions, train_artifact
from shardmill.training.saved.evaluate_model import evaluate_model


def test_a_frozen_backbone_stays_what_it_was(
    letters: Path, model_folders: Path, tmp_path: Path
) -> None:
    result = train(letters, tmp_path, model_folders / "mnist", transfer={"freeze": ["backbone"]})
    before, after = weights(model_folders / "mnist"), weights(tmp_path / "letters" / "model")
    assert not changed(before, after, "backbone")  # batch norm's statistics as well
    assert after["head.weight"].shape == (3, before["head.weight"].shape[1])
    assert result.trained == after["head.weight"].numel() + 3 < result.parameters
    assert result.origin == f"{model_folders / 'mnist'}, with a fresh head"
    facts = shardmill.load_model(tmp_path / "letters" / "model").facts
    assert facts.started_from is not None and facts.started_from.name == "mnist"
    assert facts.trained_on.name == "letters"
    assert facts.parameters == result.parameters
    assert json.loads((tmp_path / "letters" / "metrics.json").read_bytes())["origin"]
    # and so it is a model of this artifact like any other
    assert shardmill.load_model(tmp_path / "letters" / "model").predict(
        np.zeros((2, 20, 12), np.uint8)
    ).shape == (2, 3)


def test_what_is_not_frozen_learns(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    model = model_folders / "titanic"
    result = train(sample_artifacts / "titanic", tmp_path, model)
    assert result.trained == result.parameters
    assert result.origin == f"{model}, with its head"  # the classes are the same
    before, after = weights(model), weights(result.folder / "model")
    assert changed(before, after, "backbone") and changed(before, after, "head")


def test_the_backbone_learns_by_its_own_rate(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    run = train(
        sample_artifacts / "titanic",
        tmp_path,
        model_folders / "titanic",
        transfer={"backbone_rate": 0.01},
    )
    last = run.folder / "checkpoints" / "last.ckpt"
    groups = torch.load(last, weights_only=True)["optimizer_states"][0]["param_groups"]
    highest = {group["name"]: group["max_lr"] for group in groups}
    assert highest == {"head": 1e-2, "backbone": pytest.approx(1e-4)}


def test_parts_thaw_one_by_one(letters: Path, model_folders: Path, tmp_path: Path) -> None:
    transfer = {"freeze": ["backbone"], "unfreeze_every": 2}
    model = model_folders / "mnist"
    two = train(letters, tmp_path / "2", model, epochs=2, transfer=transfer)
    three = train(letters, tmp_path / "3", model, epochs=3, transfer=transfer)
    before = weights(model)
    parts = parts_below(shardmill.load_model(model).module, "backbone")
    learnt = {
        part: bool(changed(before, weights(three.folder / "model"), part + ".")) for part in parts
    }
    assert learnt == {part: part == parts[-1] for part in parts}
    assert not changed(before, weights(two.folder / "model"), "backbone")
    assert two.trained < three.trained < three.parameters


def test_frozen_parts_act_as_in_evaluation() -> None:
    model = nn.Module()
    block = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model.backbone = nn.Sequential(
        nn.Linear(2, 2), nn.ReLU(), nn.Sequential(nn.Linear(2, 2), block), nn.Dropout()
    )
    model.head = nn.Linear(2, 2)
    assert parts_below(model, "backbone") == ["backbone.0", "backbone.2.0", "backbone.2.1"]
    assert parts_below(model, "backbone.0") == ["backbone.0"]

    def state() -> list[str]:
        parts = ("backbone.0", "backbone.2.0", "backbone.2.1.1", "backbone.3", "head")
        return [name for name in parts if model.get_submodule(name).training]

    table = [
        # thawed, what is in train mode
        (0, ["head"]),
        (1, ["backbone.2.1.1", "head"]),
        (2, ["backbone.2.0", "backbone.2.1.1", "head"]),
        (3, ["backbone.0", "backbone.2.0", "backbone.2.1.1", "backbone.3", "head"]),
        (9, ["backbone.0", "backbone.2.0", "backbone.2.1.1", "backbone.3", "head"]),
    ]
    for thawed, trained in table:
        freeze_parts(model, ["backbone"], thawed=thawed)
        assert state() == trained
        learnt = {n.rpartition(".")[0] for n, p in model.named_parameters() if p.requires_grad}
        assert learnt - {"backbone.2.1.0"} == set(trained) - {"backbone.3"}


@pytest.mark.parametrize(
    ("freeze", "fault"),
    [
        (["backbon"], r"expected parts of the model, such as backbone, .*, head, found backbon"),
        (["backbone", "head"], "expected something to train, found all parts frozen"),
    ],
)
def test_parts_that_cannot_be_frozen(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path, freeze: list[str], fault: str
) -> None:
    model = model_folders / "titanic"
    with pytest.raises(SettingsError, match=fault):
        train(sample_artifacts / "titanic", tmp_path, model, transfer={"freeze": freeze})


def test_models_that_do_not_fit(
    sample_artifacts: Path, sample_raw: Path, model_folders: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"expected a model of kind image, .*, found text"):
        train(sample_artifacts / "mnist", tmp_path, model_folders / "ag_news")
    text = shipped_recipe_text("titanic").replace("SibSp = { ", "SibSp = { drop = true, ")
    other = build(parse_recipe(text, where="test"), sample_raw, tmp_path)
    with pytest.raises(ModelError, match=r"expected fields x float32 \[6\], .*, found .*\[7\]"):
        train(other, tmp_path, model_folders / "titanic")
    text = shipped_recipe_text("titanic").replace("male = 0, female = 1", "male = 1, female = 0")
    swapped = build(parse_recipe(text, where="test"), sample_raw, tmp_path / "swapped")
    with pytest.raises(ModelError, match=r"expected numbers of texts .*'male': 1"):
        train(swapped, tmp_path, model_folders / "titanic")
    with pytest.raises(ModelError, match=r"numbers of texts"):
        evaluate_model(shardmill.load_model(model_folders / "titanic"), swapped, "validation")
    with pytest.raises(ModelError, match=r"expected width 16, found width 128"):
        transfer = {"model": str(model_folders / "titanic")}
        options = RunOptions({"model": {"width": 16}, "transfer": transfer})
        train_artifact(sample_artifacts / "titanic", tmp_path, options=options)
    with pytest.raises(shardmill.ShardmillError, match=r"expected a folder with a model\.json"):
        train(other, tmp_path, tmp_path / "nowhere")


def test_the_command(letters: Path, model_folders: Path, tmp_path: Path) -> None:
    places = ["--artifacts", str(letters.parent), "--out", str(tmp_path / "runs")]
    start = ["--from", str(model_folders / "mnist"), "--freeze", "backbone"]
    run = CliRunner().invoke(main, ["train", "letters", *places, *start, "--epochs", "1"])
    assert run.exit_code == 0, run.output
    assert f"  started  from {model_folders / 'mnist'}, with a fresh head\n" in run.stdout
    assert "  trained  1,731 of 25,139 parameters\n" in run.stdout
    run = CliRunner().invoke(main, ["train", "letters", *places, *start[2:]])
    assert run.exit_code == 9
    assert "transfer.model: missing" in run.stderr
