"""What the loggers show of a run whose target is a number."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import same_bits, state
from number_artifacts import ARTIFACTS, homes

import shardmill
from shardmill.training.run.train_artifact import RunOptions, train_artifact
from shardmill.training.show import show_numbers
from shardmill.training.show.shown_rows import Seen

pytest.importorskip("tensorboard")
from shown_runs import read_events
from tensorboard.util import tensor_util


@pytest.mark.parametrize("name", ARTIFACTS)
def test_tensorboard(tmp_path: Path, name: str) -> None:
    artifact = ARTIFACTS[name](tmp_path)
    changes: dict[str, Any] = {"epochs": 1, "batch_size": 32, "deterministic": True}
    changes["model"] = {"buckets": 64} if name == "notes" else {}
    bare = train_artifact(artifact, tmp_path / "bare", options=RunOptions(changes))
    changes["log"] = {"tensorboard": True}
    result = train_artifact(artifact, tmp_path / "runs", options=RunOptions(changes))
    assert result.metrics == bare.metrics
    assert same_bits(state(result.folder), state(bare.folder))
    events = read_events(result.folder / "logs" / "tensorboard" / "version_0")
    for metric, value in result.metrics.items():
        assert events.Scalars(metric)[-1].value == pytest.approx(value)
    tags = events.Tags()
    assert {"residuals/validation", "features/validation"} <= set(tags["images"])
    assert not any(tag.startswith("confusion") for tag in tags["images"])
    assert tags["graph"]
    shown = {"samples/train", "mistakes/validation"}
    if name == "spots":
        assert shown <= set(tags["images"])
        return
    said = {tag: events.Tensors(f"{tag}/text_summary")[0].tensor_proto for tag in (*shown, "run")}
    texts = {tag: tensor_util.make_ndarray(proto).item().decode() for tag, proto in said.items()}
    assert texts["samples/train"].startswith("| row | number |")
    assert texts["mistakes/validation"].startswith("| true | predicted |")
    assert f"| number | {'price' if name == 'homes' else 'stars'} |" in texts["run"]


def test_the_largest_errors_come_first() -> None:
    truth, guess = torch.tensor([1.0, 2.0, 30.0, 4.0]), torch.tensor([1.0, 2.5, 3.0, -4.0])
    seen = Seen([5, 6, 7, 8], truth, guess, guess[:0], torch.tensor([0]), torch.ones(1, 2))
    assert show_numbers.mistakes(seen, 3) == [2, 3, 1]


def test_colours_go_from_the_least_to_the_greatest(tmp_path: Path) -> None:
    dataset = shardmill.open(homes(tmp_path))
    low, middle, high = show_numbers.colours(dataset, torch.tensor([-1e9, 0.0, 1e9])).tolist()
    assert (low, high) == ([68, 1, 84], [253, 231, 37])  # the ends of viridis
    assert middle not in (low, high)
    same = show_numbers.colours(dataset, torch.ones(2))
    assert same.dtype == np.uint8 and same.tolist() == [low, low]


def test_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    from wandb_records import read_records

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    options = RunOptions({"epochs": 1, "log": {"wandb": True}})
    result = train_artifact(homes(tmp_path), tmp_path / "runs", options=options)
    wandb.teardown()
    [file] = (result.folder / "logs" / "wandb").glob("offline-run-*/*.wandb")
    records = [record.history for record in read_records(file) if record.HasField("history")]
    keys = {"/".join(item.nested_key) or item.key for row in records for item in row.item}
    shown = {key.split(".")[0].rpartition("/")[0] for key in keys if "validation/" in key}
    assert {"residuals", "mistakes", "features"} <= {name.split("/")[0] for name in shown}
    assert {"validation_rmse", "validation_r2"} <= keys
