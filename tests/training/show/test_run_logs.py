"""What loggers are given, and what the command says of a run."""

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from shardmill import MissingLibraryError, SettingsError
from shardmill.cli import main
from shardmill.training.run.train_artifact import RunOptions, train_artifact


def train(artifacts: Path, out: Path, *options: str) -> Result:
    places = ["--artifacts", str(artifacts), "--out", str(out)]
    return CliRunner().invoke(main, ["train", *places, *options])


def scalars(file: Path, name: str) -> list[tuple[int, float]]:
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [(int(row["step"]), float(row[name])) for row in rows if row.get(name)]


def test_every_run_has_a_table_of_scalars(sample_artifacts: Path, tmp_path: Path) -> None:
    run = train(sample_artifacts, tmp_path, "titanic", "--epochs", "2")
    assert run.exit_code == 0, run.output
    folder = tmp_path / "titanic"
    logs = folder / "logs" / "csv"
    table = logs / "version_0" / "metrics.csv"
    for line in (
        f"titanic: {folder}\n",
        f"  look at  {table}\n",
        f"  kept     {folder / 'checkpoints' / 'best.ckpt'}\n",
    ):
        assert line in run.stdout
    assert "training on" in run.stderr and "\r" not in run.stderr
    metrics = json.loads((folder / "metrics.json").read_bytes())
    assert [step for step, _ in scalars(table, "validation_loss")] == [12, 25]
    assert scalars(table, "validation_loss")[-1][1] == pytest.approx(
        metrics["metrics"]["validation_loss"]
    )
    rates = [rate for _, rate in scalars(table, "lr-AdamW")]
    assert len(rates) == 2 and 0 < min(rates) < max(rates) <= 1e-2
    said = (table.parent / "hparams.yaml").read_text()
    assert metrics["recipe_sha256"] in said and metrics["shard_key"] in said
    assert "learning_rate: 0.01" in said and "commit:" in said
    run = train(sample_artifacts, tmp_path, "titanic", "--resume")
    assert run.exit_code == 0
    assert "the run was finished before: nothing is left to train\n" in run.stderr
    assert f"  look at  {table}\n" in run.stdout
    assert {path.name for path in logs.iterdir()} == {"version_0", "version_1"}


def test_settings_of_the_command(sample_artifacts: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[tabular]\nepochs = 3\nbatch_size = 100\nearly_stopping.min_delta = 9\n")
    options = ["titanic", "--settings", str(file), "--set", "early_stopping.patience=1"]
    run = train(sample_artifacts, tmp_path, *options, "--seed", "5")
    assert run.exit_code == 0, run.output
    assert "  stopped  stopped after epoch 2: validation_loss has not improved" in run.stdout
    facts = json.loads((tmp_path / "titanic" / "metrics.json").read_bytes())
    settings = facts["settings"]
    assert (settings["epochs"], settings["batch_size"], settings["seed"]) == (3, 100, 5)
    stopping = {"metric": None, "min_delta": 9.0, "patience": 1, "restore_best": True}
    assert settings["early_stopping"] == stopping
    assert (facts["epochs_trained"], facts["stopped"][:21]) == (2, "stopped after epoch 2")
    run = train(sample_artifacts, tmp_path, *options, "--resume", "--set", "seed=6")
    assert run.exit_code == 9
    assert "found     one of seed 5" in run.stderr
    assert "to go on with this run" not in run.stderr
    run = train(sample_artifacts, tmp_path, "titanic", "--set", "epoch=6")
    assert run.exit_code == 9
    assert "epoch: unknown key, did you mean epochs?" in run.stderr
    run = train(sample_artifacts, tmp_path, "titanic", "--log", "csv,tensorbord")
    assert run.exit_code == 2
    assert "'tensorbord' is not one of csv, tensorboard, wandb" in run.stderr


def test_a_metric_needs_its_split(sample_artifacts: Path, tmp_path: Path) -> None:
    options = RunOptions({"early_stopping": {"metric": "validation_accuracy"}})
    with pytest.raises(SettingsError, match=r"early_stopping\.metric: expected train_loss"):
        train_artifact(sample_artifacts / "ag_news", tmp_path, options=options)


def test_a_logger_that_is_not_installed(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "shardmill.training.show.loggers.find_spec",
        lambda name: None if name == "wandb" else find_spec(name),
    )
    with pytest.raises(MissingLibraryError, match=r"pip install 'shardmill\[wandb\]'"):
        options = RunOptions({"epochs": 1, "log": {"wandb": True}})
        train_artifact(sample_artifacts / "titanic", tmp_path, options=options)


def test_tensorboard(sample_artifacts: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train(sample_artifacts, tmp_path, "titanic", "--epochs", "2", "--log", "tensorboard")
    assert run.exit_code == 0, run.output
    folder = tmp_path / "titanic" / "logs" / "tensorboard"
    assert f"  look at  tensorboard --logdir {folder}\n" in run.stdout
    events = EventAccumulator(str(folder / "version_0"))
    events.Reload()
    assert {"train_loss", "validation_accuracy", "lr-AdamW"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("validation_accuracy")] == [12, 25]


def test_wandb_is_offline_without_a_login(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    run = train(sample_artifacts, tmp_path, "titanic", "--epochs", "1", "--log", "wandb")
    assert run.exit_code == 0, run.output
    assert list((tmp_path / "titanic" / "logs" / "wandb").glob("offline-run-*/*.wandb"))


def test_ctrl_c_says_how_to_go_on(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shardmill.training.run.learner import Learner

    training_step = Learner.training_step

    def interrupted(self: Learner, batch: tuple[object, torch.Tensor], index: int) -> object:
        if self.global_step == 20:
            raise KeyboardInterrupt
        return training_step(self, batch, index)

    monkeypatch.setattr(Learner, "training_step", interrupted)
    run = train(sample_artifacts, tmp_path, "titanic")
    assert run.exit_code == 130, run.output
    assert f"to go on with this run: shardmill train titanic --artifacts {sample_artifacts}" in (
        run.stderr
    )
