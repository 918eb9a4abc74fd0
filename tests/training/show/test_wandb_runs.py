"""What a run leaves for Weights & Biases without a login, read back from its files."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from stopped_runs import stop_before
from wandb_records import read_records

import shardmill
from shardmill.cli import main
from shardmill.training.show.loggers import git_commit

wandb = pytest.importorskip("wandb")


@pytest.fixture(autouse=True)
def nobody_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_PROJECT", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def train(artifacts: Path, out: Path, *options: str) -> Result:
    places = ["--artifacts", str(artifacts), "--out", str(out)]
    return CliRunner().invoke(main, ["train", *options, *places])


def records(folder: Path) -> dict[str, list[Any]]:
    """Return the records of a start of a run by their kinds."""
    wandb.teardown()  # its own process may have some in memory yet
    [file] = folder.glob("*.wandb")
    found: dict[str, list[Any]] = {}
    for record in read_records(file):
        kind = record.WhichOneof("record_type")
        found.setdefault(kind, []).append(getattr(record, kind))
    return found


def synced(run: Result, name: str) -> list[Path]:
    """Return the folders that the command says to upload of an artifact's run."""
    lines = [line.strip() for line in run.stdout.splitlines() if f"{name}/logs/wandb" in line]
    [words] = [shlex.split(line.removeprefix("look at")) for line in lines]
    assert words[:2] == ["wandb", "sync"]
    return [Path(word) for word in words[2:]]


def test_runs_of_one_command(
    sample_artifacts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("titanic", "mnist", "--epochs", "1", "--log", "wandb")
    run = train(sample_artifacts, tmp_path, *options)
    assert run.exit_code == 0, run.output
    assert wandb.run is None
    assert "wandb:" not in run.output + "".join(capfd.readouterr())
    ids = set()
    for name, steps in (("titanic", 13), ("mnist", 15)):
        [folder] = synced(run, name)
        found = records(folder)
        ids.add(found["run"][0].run_id)
        assert (found["run"][0].display_name, found["run"][0].project) == (name, "shardmill")
        assert found["run"][0].run_id in folder.name
        assert found["run"][0].git.commit == git_commit() or git_commit() is None
        config = {u.key: json.loads(u.value_json) for c in found["config"] for u in c.update}
        metrics = json.loads((tmp_path / name / "metrics.json").read_bytes())
        manifest = shardmill.Manifest.load(sample_artifacts / name)
        assert config["settings"] == metrics["settings"]
        assert (config["name"], config["shard_key"]) == (name, manifest.shard_key)
        assert config["recipe_sha256"] == manifest.recipe_sha256
        assert config["commit"] == git_commit()
        history = [
            {"/".join(item.nested_key) or item.key: item.value_json for item in row.item}
            for row in found["history"]
        ]
        for metric, value in metrics["metrics"].items():
            [logged] = [row for row in history if metric in row]
            assert json.loads(logged[metric]) == pytest.approx(value)
        [end] = [row for row in history if "validation_loss" in row]
        assert end["trainer/global_step"] == str(steps - 1)
        shown = {key.rpartition("/")[0] for row in history for key in row if "validation/" in key}
        assert shown == {f"{what}/validation" for what in ("mistakes", "confusion", "features")}
        media = {path.suffix for path in (folder / "files" / "media").rglob("*.*")}
        assert media == ({".png"} if name == "mnist" else {".png", ".html"})
        [model] = found["artifact"]
        assert (model.type, model.name) == ("model", f"{name}-model")
        for entry in model.manifest.contents:
            kept = Path(entry.local_path)
            assert kept.read_bytes() == (tmp_path / name / "model" / entry.path).read_bytes()
            assert kept.is_relative_to(folder)
        assert {e.path for e in model.manifest.contents} >= {"model.json", "model.safetensors"}
        assert found["exit"][0].exit_code == 0
    assert len(ids) == 2


def test_a_run_that_fails_and_goes_on(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("titanic", "--set", "epochs=2", "--log", "wandb")
    with monkeypatch.context() as patch:
        stop_before(20, patch)
        assert train(sample_artifacts, tmp_path, *options).exit_code == 1
    assert wandb.run is None
    run = train(sample_artifacts, tmp_path, "titanic", "--resume")
    assert run.exit_code == 0, run.output
    first, second = map(records, synced(run, "titanic"))
    assert first["run"][0].run_id == second["run"][0].run_id
    assert [found["exit"][0].exit_code for found in (first, second)] == [1, 0]
    assert "artifact" not in first and "artifact" in second
    anew = train(sample_artifacts, tmp_path, *options, "--epochs", "1")
    [other] = synced(anew, "titanic")
    assert records(other)["run"][0].run_id != first["run"][0].run_id


def test_no_run_without_the_service(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    run = train(sample_artifacts, tmp_path, "titanic", "--epochs", "1", "--log", "wandb")
    assert run.exit_code == 0, run.output
    assert "wandb sync" not in run.output
