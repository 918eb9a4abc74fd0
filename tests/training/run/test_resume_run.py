"""A run that was killed goes on to the bits of one that was left alone; other runs are refused."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import same_bits, state
from killed_runs import Case
from stopped_runs import stop_before

import shardmill
from shardmill import AgreementError, DivergedError, ResumeError
from shardmill.training.run.resume_run import check_same_ranks, check_same_run, run_facts
from shardmill.training.run.train_artifact import RunOptions, train_artifact
from shardmill.training.settings.settings import BASES

BITS = {"deterministic": True, "checkpoint": {"every_n_steps": 3}}
# artifact, settings, steps of an epoch, steps of the run: 799, 3600 and 4000 rows
RUNS: dict[str, tuple[dict[str, Any], int, int]] = {
    "titanic": (BITS | {"epochs": 2}, 13, 26),
    "mnist": (BITS | {"epochs": 1, "batch_size": 512}, 8, 8),
    "ag_news": (BITS | {"epochs": 1, "batch_size": 512}, 8, 8),
}


def cases(models: Path) -> list[Case]:
    """Kill each run in an epoch, and the first one at other places too."""
    chance = random.Random()
    killed = [
        (name, changes, chance.randrange(4, steps)) for name, (changes, _, steps) in RUNS.items()
    ]
    changes, epoch, _ = RUNS["titanic"]
    # At an epoch's end, and in the epoch that is to be the last.
    stops = BITS | {"epochs": 6, "early_stopping": {"patience": 1, "min_delta": 9}}
    # In the second of three epochs, of which each thaws another part.
    transfer = {"model": str(models / "titanic"), "freeze": ["backbone"], "unfreeze_every": 1}
    thaws = BITS | {"epochs": 3, "transfer": transfer}
    return [
        *killed,
        ("titanic", thaws, epoch + 5),
        ("titanic", changes, epoch),
        ("titanic", stops, epoch + 5),
    ]


def train(artifact: Path, out: Path, changes: dict[str, Any], *, resume: bool = False) -> Any:
    return train_artifact(artifact, out, options=RunOptions(changes, resume=resume))


def test_a_killed_run_goes_on_to_the_same_bits(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path
) -> None:
    killed = cases(model_folders)
    worker = Path(__file__).parents[2] / "support" / "killed_runs.py"
    run = subprocess.run(
        [sys.executable, worker, str(sample_artifacts), str(tmp_path), repr(killed)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [str(-signal.SIGKILL)] * len(killed), run.stderr
    alone: dict[str, Any] = {}
    for number, (name, changes, step) in enumerate(killed):
        out = tmp_path / str(number)
        assert not (out / name / "metrics.json").exists()
        resumed = train(sample_artifacts / name, out, {}, resume=True)
        key = repr((name, changes))
        if key not in alone:
            folder = tmp_path / f"alone-{number}"
            alone[key] = train(sample_artifacts / name, folder, changes)
        case = (name, step)
        assert resumed.metrics == alone[key].metrics, case
        assert resumed.stopped == alone[key].stopped, case
        assert same_bits(state(resumed.folder), state(alone[key].folder)), case
    again = train(sample_artifacts / name, out, {}, resume=True)  # it is finished
    assert (again.metrics, again.stopped) == (resumed.metrics, resumed.stopped)
    assert again.stopped.startswith(
        "stopped after epoch 2: validation_loss has not improved by more than 9 for 1 epochs; "
        "it last did in epoch 1, to 0."
    )


def test_what_is_no_run_to_go_on_with(sample_artifacts: Path, tmp_path: Path) -> None:
    artifact = sample_artifacts / "titanic"
    with pytest.raises(ResumeError, match=r"expected the checkpoint of a run.*found no such file"):
        train(artifact, tmp_path, {}, resume=True)
    train(artifact, tmp_path, {"epochs": 1})
    last = tmp_path / "titanic" / "checkpoints" / "last.ckpt"
    with pytest.raises(ResumeError, match="expected a run of epochs 2, found one of epochs 1"):
        train(artifact, tmp_path, {"epochs": 2}, resume=True)
    with pytest.raises(
        ResumeError, match=r"a run of model .*model.width 32, found one of model .*128"
    ):
        train(artifact, tmp_path, {"model": {"width": 32}}, resume=True)
    train(artifact, tmp_path, {"log": {"csv": True}, "checkpoint": {"best": False}}, resume=True)
    checkpoint = torch.load(last, weights_only=True)
    facts = checkpoint["callbacks"]["Memory"]["facts"]
    key = shardmill.Manifest.load(artifact).shard_key
    # what is other in the checkpoint, what is said
    for change, fault in (
        ({"generation": "abc"}, f"expected a run of generation {key}, found one of generation abc"),
        ({"artifact": "a"}, "expected a run of artifact titanic, found one of artifact a"),
        (
            {"model": facts["model"].replace("out_features=128", "out_features=65")},
            r"run of model .*out_features=128.*, found one of model .*out_features=65",
        ),
    ):
        checkpoint["callbacks"]["Memory"]["facts"] = facts | change
        torch.save(checkpoint, last)
        with pytest.raises(ResumeError, match=fault):
            train(artifact, tmp_path, {}, resume=True)
    last.write_bytes(b"not a checkpoint")
    with pytest.raises(ResumeError, match="expected a checkpoint that `shardmill train` wrote"):
        train(artifact, tmp_path, {}, resume=True)


def test_another_architecture_is_another_run() -> None:
    bag, transformer = (
        run_facts("ag_news", "a", model=torch.nn.Identity(), settings=BASES[name])
        for name in ("text_bag", "text_transformer")
    )
    check_same_run(bag, bag, Path("last.ckpt"))
    fault = r"a run of model\.architecture text_transformer, .*model\.heads 4, .*"
    fault += r"found one of model\.architecture text_bag, "
    with pytest.raises(ResumeError, match=fault):
        check_same_run(bag, transformer, Path("last.ckpt"))


def test_ranks_must_read_the_same() -> None:
    first, other = (
        run_facts("toy", key, model=torch.nn.Identity(), settings=BASES["tabular_mlp"], start=start)
        for key, start in (("a", None), ("b", "c"))
    )
    check_same_ranks(first, first, 1)
    fault = "rank 1: expected generation a, start none, as in rank 0, found generation b, start c;"
    with pytest.raises(AgreementError, match=fault):
        check_same_ranks(first, other, 1)


def test_a_loss_that_is_not_finite_ends_the_run(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shardmill.training.run.learner import Learner

    forward = Learner.forward
    monkeypatch.setattr(
        Learner,
        "forward",
        lambda self, x: forward(self, x) * (float("nan") if self.global_step == 20 else 1),
    )
    with pytest.raises(DivergedError, match=r"epoch 2, step 21: expected a finite loss") as caught:
        train(sample_artifacts / "titanic", tmp_path, {"epochs": 3})
    last = tmp_path / "titanic" / "checkpoints" / "last.ckpt"
    assert caught.value.__notes__ == [f"the run was stopped; its last good checkpoint is {last}"]
    kept = torch.load(last, weights_only=True)
    assert kept["global_step"] == 13
    assert all(bool(x.isfinite().all()) for x in kept["state_dict"].values())
    assert not (tmp_path / "titanic" / "metrics.json").exists()


def test_weights_that_are_not_finite_are_not_kept(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shardmill.training.run.learner import Learner

    def spoil(self: Learner, *_: Any) -> None:
        with torch.no_grad():
            next(self.parameters()).fill_(float("inf"))

    monkeypatch.setattr(Learner, "on_train_batch_end", spoil, raising=False)
    with pytest.raises(DivergedError, match=r"step 1: expected finite weights, found others in"):
        # one step an epoch, so that no loss comes after
        train(sample_artifacts / "titanic", tmp_path, {"epochs": 1, "batch_size": 800})
    assert not list((tmp_path / "titanic").rglob("*.ckpt"))


@pytest.mark.parametrize(
    ("checkpoint", "step"),
    [
        ({}, 13),
        ({"every_n_steps": 4}, 20),
        ({"every_minutes": 1e-9}, 20),
        ({"every_minutes": 1e9, "every_n_steps": 6}, 18),
    ],
)
def test_checkpoints_come_after_steps_or_minutes(
    sample_artifacts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkpoint: dict[str, Any],
    step: int,
) -> None:
    stop_before(20, monkeypatch)
    with pytest.raises(InterruptedError):
        train(sample_artifacts / "titanic", tmp_path, {"epochs": 2, "checkpoint": checkpoint})
    folder = tmp_path / "titanic"
    assert state(folder)["global_step"] == step
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}


def test_metrics_hold_what_the_run_was(sample_artifacts: Path, tmp_path: Path) -> None:
    result = train(sample_artifacts / "titanic", tmp_path, {"epochs": 1})
    facts = json.loads((result.folder / "metrics.json").read_bytes())
    assert facts["shard_key"] == shardmill.Manifest.load(sample_artifacts / "titanic").shard_key
    assert facts["settings"]["checkpoint"]["best"] is True
    assert (facts["epochs_trained"], facts["stopped"]) == (1, None)
    kept = {path.name for path in (result.folder / "checkpoints").iterdir()}
    assert kept == {"best.ckpt", "last.ckpt"}
