"""The head of a model of numbers, and what it keeps in a transfer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from building import build
from number_artifacts import TABLE, homes, spots
from transfers import train, weights

import shardmill
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.models.build_model import build_model
from shardmill.training.models.number_head import NumberHead
from shardmill.training.models.target_scale import target_scale
from shardmill.training.run.train_artifact import RunOptions, train_artifact


def test_numbers_are_in_the_unit_of_the_target() -> None:
    head = NumberHead(2)
    features = torch.randn(5, 2)
    standardised = head(features)
    assert standardised.shape == (5,)
    head.mean.fill_(100)
    head.std.fill_(7)
    assert torch.allclose(head(features), standardised * 7 + 100)
    assert torch.allclose(head.standardise(head(features)), standardised, atol=1e-5)
    assert set(head.state_dict()) == {"weight", "bias", "mean", "std"}


def test_half_precision_does_not_round_the_unit() -> None:
    head = NumberHead(2)
    head.mean.fill_(20_001)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
        found = head(torch.ones(1, 2))
    assert (found.dtype, found.tolist()) == (torch.float32, [20_001])


def test_weights_in_another_unit_do_what_they_did() -> None:
    theirs, ours = NumberHead(3), NumberHead(3)
    theirs.mean.fill_(10)
    theirs.std.fill_(4)
    unit = {"mean": torch.tensor(-2.0), "std": torch.tensor(9.0)}
    ours.load_state_dict(theirs.state_dict() | unit)
    ours.rescale(theirs.mean, theirs.std)
    features = torch.randn(6, 3)
    torch.testing.assert_close(ours(features), theirs(features))
    assert (float(ours.mean), float(ours.std)) == (-2, 9)
    before = theirs.weight.clone()
    theirs.rescale(theirs.mean, theirs.std)
    assert torch.equal(theirs.weight, before)  # to the bit


def test_the_scale_of_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset: Any = shardmill.open(homes(tmp_path))
    y = dataset[:][1].double()
    expected = (float(y.mean()), float(y.std(correction=0)))
    assert target_scale(dataset) == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr("shardmill.training.models.target_scale._ROWS", 7)
    assert target_scale(dataset) == pytest.approx(expected, rel=1e-12)
    head = build_model(dataset).head
    assert isinstance(head, NumberHead)
    assert (float(head.mean), float(head.std)) == pytest.approx(expected, rel=1e-6)


def test_the_same_target_keeps_its_head(tmp_path: Path) -> None:
    """A finished model is trained further on homes whose prices have another mean."""
    first = train_artifact(homes(tmp_path), tmp_path / "a", options=RunOptions({"epochs": 2}))
    (tmp_path / "later").mkdir()
    later = homes(tmp_path / "later", unit=3)
    started = train(later, tmp_path / "b", first.folder / "model", learning_rate=1e-12)
    assert started.origin is not None and started.origin.endswith("with its head")
    before, after = (shardmill.load_model(run.folder / "model") for run in (first, started))
    x = torch.randn(9, 3) * 30
    assert before.facts.target is not None and after.facts.target is not None
    assert after.facts.target.mean == pytest.approx(3 * before.facts.target.mean, rel=1e-5)
    # What the model says is still in the old unit, as nothing was learnt since.
    torch.testing.assert_close(after.outputs(x), before.outputs(x), rtol=1e-4, atol=0.1)


def test_another_target_gets_a_fresh_head(tmp_path: Path) -> None:
    first = train_artifact(homes(tmp_path), tmp_path / "a", options=RunOptions({"epochs": 1}))
    recipe = TABLE.replace("price", "rent").replace("homes", "flats")
    (tmp_path / "flats").mkdir()
    for name in ("homes", "later"):
        text = (tmp_path / f"{name}.csv").read_text().replace("price", "rent")
        (tmp_path / f"{name.replace('homes', 'flats')}.csv").write_text(text)
    flats = build(parse_recipe(recipe, where="test"), tmp_path, tmp_path / "artifacts")
    model = first.folder / "model"
    frozen = train(flats, tmp_path / "b", model, transfer={"freeze": ["backbone"]})
    assert frozen.origin is not None and frozen.origin.endswith("with a fresh head")
    assert 0 < frozen.trained < frozen.parameters
    before, after = weights(model), weights(frozen.folder / "model")
    assert not torch.equal(before["head.weight"], after["head.weight"])
    assert torch.equal(before["backbone.blocks.0.0.weight"], after["backbone.blocks.0.0.weight"])


def test_classes_and_numbers_start_from_each_other(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    artifact = spots(tmp_path)
    of_classes = train(artifact, tmp_path / "a", model_folders / "mnist")
    assert of_classes.origin is not None and of_classes.origin.endswith("with a fresh head")
    back = train(sample_artifacts / "mnist", tmp_path / "b", of_classes.folder / "model")
    assert back.origin is not None and back.origin.endswith("with a fresh head")
    assert (of_classes.task, back.task) == ("number", "class")
