"""Transfer: runs that are resumed, the best epoch, and tokens."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from building import build
from saved_models import save
from stopped_runs import stop_before
from transfers import changed, train, weights

import shardmill
from shardmill import ResumeError, SettingsError
from shardmill.recipe.load_recipe import parse_recipe, shipped_recipe_text
from shardmill.training.models.build_model import build_model
from shardmill.training.models.start_model import start_model
from shardmill.training.run.train_artifact import Result, RunOptions, train_artifact
from shardmill.training.settings.model_options import (
    ModelOptions,
    TextBagOptions,
    TextTransformerOptions,
)


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
