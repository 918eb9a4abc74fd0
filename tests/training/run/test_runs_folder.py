"""Where runs are kept: what a second one does to the first, and what becomes of several."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import shardmill
from shardmill import DivergedError, SettingsError
from shardmill.cli import main
from shardmill.training.run.train_artifact import RunOptions, train_artifact


def train(artifacts: Path, out: Path, *options: str) -> Result:
    places = ["--artifacts", str(artifacts), "--out", str(out)]
    return CliRunner().invoke(main, ["train", *options, *places, "--epochs", "1"])


def epochs_of(folder: Path) -> int:
    found: int = json.loads((folder / "metrics.json").read_bytes())["settings"]["epochs"]
    model = shardmill.load_model(folder / "model").facts.settings["epochs"]
    assert found == model
    return found


def test_a_finished_run_is_put_aside(sample_artifacts: Path, tmp_path: Path) -> None:
    artifact = sample_artifacts / "titanic"
    folder, previous = tmp_path / "titanic", tmp_path / "titanic" / "previous"
    train_artifact(artifact, tmp_path, epochs=1)
    assert not previous.exists()
    train_artifact(artifact, tmp_path, epochs=2)
    assert (epochs_of(folder), epochs_of(previous)) == (2, 1)
    assert (previous / "checkpoints" / "last.ckpt").is_file()
    train_artifact(artifact, tmp_path, options=RunOptions(resume=True))
    assert (epochs_of(folder), epochs_of(previous)) == (2, 1)
    for _ in range(2):  # the second time there is none that was finished to put aside
        with pytest.raises(DivergedError):
            changes = {"epochs": 3, "learning_rate": 1e30}
            train_artifact(artifact, tmp_path, options=RunOptions(changes))
        assert epochs_of(previous) == 2
        assert not (folder / "model").exists() and not (folder / "metrics.json").exists()
    train_artifact(artifact, tmp_path, epochs=4)
    assert (epochs_of(folder), epochs_of(previous)) == (4, 2)


def test_no_run_starts_from_what_it_puts_aside(sample_artifacts: Path, tmp_path: Path) -> None:
    artifact = sample_artifacts / "titanic"
    model = train_artifact(artifact, tmp_path, epochs=1).folder / "model"
    options = RunOptions({"epochs": 2, "transfer": {"model": str(model)}})
    with pytest.raises(SettingsError, match=r"transfer\.model: expected a model outside of"):
        train_artifact(artifact, tmp_path, options=options)
    assert epochs_of(tmp_path / "titanic") == 1
    train_artifact(artifact, tmp_path / "further", options=options)
    assert epochs_of(tmp_path / "further" / "titanic") == 2


def test_what_cannot_be_trained_does_not_keep_others_from_it(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    start = str(model_folders / "titanic")
    run = train(sample_artifacts, tmp_path, "mnist", "titanic", "titanic", "--from", start)
    assert run.exit_code == 5
    assert "not trained: " in run.stderr and "expected a model of kind image" in run.stderr
    assert run.stderr.count("training on") == 2
    assert run.stdout.count("titanic: ") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["titanic"]
    run = train(sample_artifacts, tmp_path, "mnist", "titanic", "--from", start, "--json")
    assert run.exit_code == 5
    assert [result["name"] for result in json.loads(run.stdout)] == ["titanic"]
