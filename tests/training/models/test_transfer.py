"""Runs that start from a saved model: what comes over, what is frozen, what is refused."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from building import build
from click.testing import CliRunner
from saved_models import save
from stopped_runs import stop_before
from torch import Tensor, nn

import shardmill
from shardmill import ModelError, ResumeError, SettingsError
from shardmill.cli import main
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe, shipped_recipe_text
from shardmill.training.models.build_model import build_model
from shardmill.training.models.freeze_parts import freeze_parts, parts_below
from shardmill.training.models.start_model import start_model
from shardmill.training.run.train_artifact import Result, RunOptions, train_artifact
from shardmill.training.saved.evaluate_model import evaluate_model
from shardmill.training.settings.model_options import (
    ModelOptions,
    TextBagOptions,
    TextTransformerOptions,
)

LETTERS = """
name = "letters"
kind = "image"
target.classes = ["a", "b", "c"]
[splits.train]
images.path = "images"
labels.path = "labels"
"""


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Return an artifact of images of three classes, of another size than MNIST's."""
    chance = np.random.default_rng(0)
    labels = np.arange(90, dtype=np.uint8) % 3
    images = chance.integers(0, 80, (90, 20, 12), dtype=np.uint8)
    for row, label in enumerate(labels):
        images[row, 6 * label : 6 * label + 6] += 150
    (tmp_path / "images").write_bytes(encode_idx(images))
    (tmp_path / "labels").write_bytes(encode_idx(labels))
    return build(parse_recipe(LETTERS, where="test"), tmp_path, tmp_path)


def train(artifact: Path, out: Path, model: Path, *, resume: bool = False, **more: Any) -> Result:
    transfer = {"model": str(model), **more.pop("transfer", {})}
    changes = {"epochs": 1, "batch_size": 32, **more, "transfer": transfer}
    return train_artifact(artifact, out, options=RunOptions(changes, resume=resume))


def weights(model: Path) -> dict[str, Tensor]:
    return shardmill.load_model(model).module.state_dict()


def changed(before: dict[str, Tensor], after: dict[str, Tensor], part: str) -> set[str]:
    """Return the tensors of a part that are others now."""
    names = (name for name in before if name.startswith(part))
    return {name for name in names if not torch.equal(before[name], after[name])}


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


def test_a_start_that_has_changed(letters: Path, model_folders: Path, tmp_path: Path) -> None:
    start = tmp_path / "start"
    shutil.copytree(model_folders / "mnist", start)
    train(letters, tmp_path, start)
    train(letters, tmp_path, start, resume=True)
    shutil.rmtree(start)
    shutil.copytree(letters.parent / "letters" / "model", start)
    with pytest.raises(ResumeError, match=r"expected a run of start .*, found one of start "):
        train(letters, tmp_path, start, resume=True)


def test_the_best_is_by_what_stops(sample_artifacts: Path, tmp_path: Path) -> None:
    stopping = {"metric": "validation_accuracy", "patience": 9}
    options = RunOptions({"epochs": 6, "learning_rate": 0.3, "early_stopping": stopping})
    result = train_artifact(sample_artifacts / "titanic", tmp_path, options=options)
    table = result.folder / "logs" / "csv" / "version_0" / "metrics.csv"
    with table.open(newline="") as lines:
        found = [row["validation_accuracy"] for row in csv.DictReader(lines)]
    best = max(float(value) for value in found if value)
    assert result.metrics["validation_accuracy"] == pytest.approx(best)
    two = {"early_stopping": stopping, "checkpoint": {"metric": "train_loss"}}
    with pytest.raises(SettingsError, match="restore_best wants one metric"):
        train_artifact(sample_artifacts / "titanic", tmp_path, options=RunOptions(two))


def test_the_best_epoch_comes_with_a_run_that_was_moved(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = sample_artifacts / "titanic"
    # The first epoch is the best; the run is stopped in the third.
    changes = {"epochs": 3, "learning_rate": 1.0, "early_stopping": {"patience": 5}}
    alone = train_artifact(artifact, tmp_path / "alone", options=RunOptions(changes))
    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        stop_before(30, patch)
        train_artifact(artifact, tmp_path / "first", options=RunOptions(changes))
    shutil.move(tmp_path / "first", tmp_path / "moved")
    resumed = train_artifact(artifact, tmp_path / "moved", options=RunOptions(resume=True))
    assert resumed.metrics == alone.metrics
    model = weights(alone.folder / "model")
    assert not changed(model, weights(resumed.folder / "model"), "")
    last = torch.load(alone.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert not torch.equal(last["state_dict"]["model.head.weight"], model["head.weight"])
    (resumed.folder / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(ResumeError, match=r"expected the checkpoint of the best epoch so far"):
        train_artifact(artifact, tmp_path / "moved", options=RunOptions(resume=True))


def test_early_stopping_restores_the_best(sample_artifacts: Path, tmp_path: Path) -> None:
    def run(**more: Any) -> tuple[Result, dict[str, Any]]:
        changes = {"epochs": 4, "learning_rate": 1.0, "early_stopping": {"patience": 1, **more}}
        artifact = sample_artifacts / "titanic"
        result = train_artifact(artifact, tmp_path, options=RunOptions(changes))
        best = result.folder / "checkpoints" / "best.ckpt"
        return result, torch.load(best, weights_only=True)

    result, best = run()
    model = weights(result.folder / "model")
    assert not [n for n, t in model.items() if not torch.equal(t, best["state_dict"][f"model.{n}"])]
    assert result.metrics == best["callbacks"]["Memory"]["metrics"]
    table = result.folder / "logs" / "csv" / "version_0" / "metrics.csv"
    with table.open(newline="") as lines:
        found = [row["validation_loss"] for row in csv.DictReader(lines)]
    losses = [float(value) for value in found if value]
    assert len(losses) > 1 and losses[-1] > min(losses)
    assert result.metrics["validation_loss"] == pytest.approx(min(losses))
    last, _ = run(restore_best=False)
    assert last.metrics != result.metrics
    assert changed(model, weights(last.folder / "model"), "head")
    with pytest.raises(SettingsError, match=r"restore_best needs checkpoint\.best"):
        changes = {"early_stopping": {}, "checkpoint": {"best": False}}
        train_artifact(sample_artifacts / "titanic", tmp_path, options=RunOptions(changes))


def news(raw: Path, out: Path) -> Path:
    """Build the test file's texts as an artifact of their own, with their own vocabulary."""
    text = shipped_recipe_text("ag_news").split("[splits.train.csv]")[0]
    text = text.replace('name = "ag_news"', 'name = "news"').replace("min_freq = 1", "min_freq = 2")
    text += '[splits.train]\ncsv.path = "ag_news/test.csv"\n'
    return build(parse_recipe(text, where="test"), raw, out)


@pytest.mark.parametrize("options", [TextBagOptions(ngrams=3), TextTransformerOptions()])
def test_tokens_keep_what_is_known_of_them(
    sample_raw: Path, sample_artifacts: Path, tmp_path: Path, options: ModelOptions
) -> None:
    save(sample_artifacts / "ag_news", tmp_path / "start", options)
    start = shardmill.load_model(tmp_path / "start")
    ours = shardmill.TextDataset(news(sample_raw, tmp_path), "train", layout="bag")
    module = build_model(ours, options)
    started = start_model(module, start, ours)
    theirs = start.preprocessor.fitted.vocab
    assert theirs is not None
    assert theirs.get_itos() != ours.vocab.get_itos()
    assert started.known == len(set(theirs.get_itos()) & set(ours.vocab.get_itos()))
    texts = [[ours.vocab.lookup_token(i) for i in ours[row][0].tolist()] for row in range(200)]
    known = [" ".join(text) for text in texts if all(token in theirs for token in text)]
    assert len(known) >= 10
    encode = shardmill.Preprocessor.load(ours.path)
    module.eval()
    found = module(encode(known, layout="bag"))
    torch.testing.assert_close(found, start.module(start.preprocessor(known, layout="bag")))
    # A token that is new to the model is to it what it took it for before: its unknown token.
    new = next(n for n, token in enumerate(ours.vocab.get_itos()) if token not in theirs)
    table, before = (m.state_dict()["backbone.embedding.weight"] for m in (module, start.module))
    assert torch.equal(table[new], before[theirs["no such token"]])
