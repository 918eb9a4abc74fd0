"""Two processes come to what one does, and end together."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from torch import nn

import shardmill
from shardmill import DivergedError, RankError, SettingsError
from shardmill.cli import main
from shardmill.training.run.launch_ranks import launch_ranks
from shardmill.training.run.ranks import Ranks, divides, launched_ranks, refuse_shared_rows
from shardmill.training.run.train_artifact import RunOptions, train_artifact

LIMIT_S = 120
# In float64: AdamW makes much of a rounding error in a gradient that is nearly 0.
EXACT = {"precision": "64-true"}
RUNS: dict[str, dict[str, Any]] = {
    "ag_news": EXACT | {"batch_size": 150, "epochs": 1},
    "titanic": EXACT | {"batch_size": 32, "epochs": 3},
}


# Batch norm counts each rank's own rows.
NORMED = {"mnist": {"batch_size": 300, "epochs": 1}}


def thawing(models: Path) -> dict[str, Any]:
    """Return the settings of the tables, starting from a model that thaws epoch by epoch."""
    transfer = {"model": str(models / "titanic"), "freeze": ["backbone"], "unfreeze_every": 1}
    return {"titanic": RUNS["titanic"] | {"transfer": transfer}}


def torchrun(*command: object, ranks: int = 2) -> "subprocess.CompletedProcess[str]":
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    return subprocess.run(
        [sys.executable, *launcher, *map(str, command)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(folder / "model" / "model.safetensors")


def test_two_ranks_come_to_the_metrics_of_one(
    sample_artifacts: Path, model_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = RUNS | thawing(model_folders)
    both = tmp_path / "both"
    both.mkdir()
    worker = Path(__file__).parents[2] / "support" / "train_rank.py"
    run = torchrun(worker, sample_artifacts, both, repr([*NORMED.items(), *runs.items()]))
    assert run.returncode == 0, run.stderr
    of_ranks = [json.loads((both / f"rank-{rank}.json").read_bytes()) for rank in range(2)]
    for part in of_ranks:
        last, resumed = part[-2:]
        assert resumed[0] == last[0]  # though it was stopped in the middle of an epoch
        check_saved(both / "mnist", sample_artifacts / "mnist", part.pop(0)[0])
    monkeypatch.setattr(nn.Dropout, "forward", lambda self, x: x)
    for (name, changes), *parts in zip(runs.items(), *of_ranks, strict=False):
        one = {**changes, "batch_size": changes["batch_size"] * 2}
        alone = train_artifact(sample_artifacts / name, tmp_path, options=RunOptions(one))
        metrics = parts[0][0]
        assert [part[0] for part in parts] == [metrics, metrics]
        assert metrics.keys() == alone.metrics.keys()
        for metric, value in alone.metrics.items():
            exact = metric.endswith("accuracy")
            assert metrics[metric] == (value if exact else pytest.approx(value, rel=1e-5)), metric
        for key, tensor in weights(tmp_path / name).items():
            torch.testing.assert_close(weights(both / name)[key], tensor, rtol=1e-3, atol=1e-4)
        facts = json.loads((both / name / "metrics.json").read_bytes())
        assert facts["settings"]["devices"] == 2  # which nobody had said but torchrun
        for split, rows in facts["rows"].items():
            seen: Counter[int] = Counter()
            for _, counts in parts:
                seen.update(dict(counts[split]))
            epochs = changes["epochs"] if split != "test" else 1
            assert seen == dict.fromkeys(range(rows), epochs), (name, split)


def check_saved(run: Path, artifact: Path, metrics: dict[str, float]) -> None:
    """Check that it was the saved model, and no other rank's, that was evaluated on each rank."""
    dataset = shardmill.open(artifact, "test")
    x, y = dataset[: len(dataset)]
    logits = shardmill.load_model(run / "model").logits(x)
    loss = nn.functional.cross_entropy(logits, y)
    assert metrics["test_loss"] == pytest.approx(float(loss), rel=1e-4)
    assert metrics["test_accuracy"] == pytest.approx(float((logits.argmax(1) == y).float().mean()))


@pytest.mark.parametrize(
    ("rows", "batch_size", "ranks", "expected"),
    [
        (100, 64, 1, True),
        (2, 64, 2, True),  # a row each
        (1, 64, 2, False),  # rank 1 has none
        (3, 2, 2, True),  # 2 and 1
        (5, 2, 2, True),  # the last but one step leaves a row for each rank
        (7, 2, 3, True),
        (5, 1, 2, False),  # in steps of two rows one is left
        (6, 1, 2, True),
        (4, 4, 5, False),
    ],
)
def test_rows_divide_among_ranks(
    sample_artifacts: Path, rows: int, batch_size: int, ranks: int, expected: bool
) -> None:
    from shardmill.datasets.order.epoch_order import EpochOrder
    from shardmill.datasets.order.row_order import InOrder

    orders = [EpochOrder(InOrder(rows), batch_size, rank=r, world_size=ranks) for r in range(ranks)]
    batches = [[batch.tolist() for batch in order] for order in orders]
    assert len({len(of_rank) for of_rank in batches}) == 1
    seen = sorted(row for of_rank in batches for batch in of_rank for row in batch)
    assert divides(rows, batch_size, ranks) is expected
    assert (seen == list(range(rows))) is expected


def test_devices_of_the_command(sample_artifacts: Path, tmp_path: Path) -> None:
    places = ["--artifacts", str(sample_artifacts), "--out", str(tmp_path)]
    command = ["train", "titanic", *places, "--json"]
    run = CliRunner().invoke(main, [*command, "--epochs", "1", "--devices", "2"])
    assert run.exit_code == 0, run.output
    (result,) = json.loads(run.stdout)
    facts = json.loads((tmp_path / "titanic" / "metrics.json").read_bytes())
    assert result["metrics"] == facts["metrics"]
    assert (result["devices"], facts["settings"]["devices"]) == (2, 2)
    assert facts["settings"]["batch_size"] == 64
    run = CliRunner().invoke(main, [*command, "--resume", "--devices", "1"])
    assert run.exit_code == 9
    error = json.loads(run.stderr.splitlines()[-1])["error"]
    assert error["expected"] == "a run of devices 1"
    assert error["found"] == "one of devices 2"
    with pytest.raises(SettingsError, match="devices among which 799 rows divide in batches of 1"):
        refuse_shared_rows(799, 1, 2, "titanic")


def test_torchrun_says_how_many(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"RANK": 5, "WORLD_SIZE": 8, "LOCAL_WORLD_SIZE": 4, "TORCHELASTIC_RUN_ID": "none"}
    for name, value in said.items():
        monkeypatch.setenv(name, str(value))
    ranks = launched_ranks()
    assert ranks == Ranks(rank=5, world_size=8, local=4)
    assert ranks.nodes == 2
    with pytest.raises(SettingsError, match="devices: expected 8, as torchrun has started so many"):
        train_artifact(sample_artifacts / "titanic", tmp_path, options=RunOptions({"devices": 2}))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    with pytest.raises(
        SettingsError, match="expected at most 3, the GPUs of this machine, found 4"
    ):
        train_artifact(sample_artifacts / "titanic", tmp_path)


def launched(program: str, folder: Path) -> None:
    launch_ranks([sys.executable, "-c", program, str(folder)], 2, folder)


def no_longer_there(folder: Path) -> bool:
    """Whether the processes have ended that have left their numbers in a folder."""
    numbers = [int(path.suffix[1:]) for path in folder.glob("pid.*")]
    assert len(numbers) == 2
    return not any(Path(f"/proc/{number}").exists() for number in numbers)


WAIT = """
import os, pathlib, sys, time, threading
from shardmill import DivergedError
folder = pathlib.Path(sys.argv[1])
rank = os.environ["RANK"]
(folder / f"pid.{os.getpid()}").touch()
while len(list(folder.glob("pid.*"))) < 2:
    time.sleep(0.01)
if rank == "0":
    time.sleep(100)
"""


@pytest.mark.parametrize(
    ("end", "kind", "fault"),
    [
        ("sys.exit(3)", RankError, "process 1 of the run: .* found exit code 3"),
        ("print('no memory'); os.abort()", RankError, "found signal 6"),
        ("sys.exit('a word')", RankError, "found exit code 1: a word"),
        (
            "from shardmill.training.run.run_rank import record_failure\n"
            "record_failure(ValueError('none'), folder)\n"
            "sys.exit(1)",
            RankError,
            "process 1 of the run: .* found ValueError: none",
        ),
        (
            "from shardmill.training.run.run_rank import end_when_asked\n"
            "end_when_asked(folder)\n"
            "os.kill(os.getpid(), 15)\n"
            "time.sleep(100)",
            RankError,
            "process 1 of the run: .* found KeyboardInterrupt: by SIGTERM",
        ),
        (
            # which makes the other one fail
            "os.environ['RANK'] = '0'\n"
            "from shardmill.training.run.run_rank import record_failure\n"
            "record_failure(ValueError('no peer'), folder)\n"
            "os.abort()",
            RankError,
            "process 1 of the run: .* found signal 6",
        ),
        (
            "from shardmill.training.run.run_rank import record_failure\n"
            "e = DivergedError('epoch 1', expected='a', found='b', fix='c')\n"
            "e.add_note('there is a checkpoint')\n"
            "record_failure(e, folder)\n"
            "sys.exit(1)",
            DivergedError,
            "epoch 1: expected a, found b; c",
        ),
    ],
)
def test_a_rank_that_fails_ends_the_others(
    tmp_path: Path,
    end: str,
    kind: type[Exception],
    fault: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(kind, match=fault) as caught:
        launched(WAIT + end, tmp_path)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    assert capfd.readouterr() == ("", "")
    if kind is DivergedError:
        assert caught.value.__notes__ == ["there is a checkpoint"]
    assert no_longer_there(tmp_path)


def test_an_interrupt_ends_all_ranks(tmp_path: Path) -> None:
    def interrupt() -> None:
        while len(list(tmp_path.glob("pid.*"))) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        launched(WAIT + "time.sleep(100)", tmp_path)
    thread.join()
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert no_longer_there(tmp_path)


def test_ranks_end_when_the_command_is_killed(tmp_path: Path) -> None:
    watch = "from shardmill.training.run.run_rank import end_when_asked\nend_when_asked(folder)\n"
    wait = WAIT.replace("if rank", f"{watch}if rank")
    parent = (
        "import sys; from pathlib import Path\n"
        "from shardmill.training.run.launch_ranks import launch_ranks\n"
        "launch_ranks([sys.executable, '-c', sys.argv[1], sys.argv[2]], 2, Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", parent, wait + "time.sleep(100)", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment) as process:
        while len(list(tmp_path.glob("pid.*"))) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    until = time.monotonic() + LIMIT_S
    while not no_longer_there(tmp_path) and time.monotonic() < until:
        time.sleep(0.01)
    assert no_longer_there(tmp_path)
