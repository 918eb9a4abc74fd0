"""Precision, compilation, batches for GPUs, and what a run says of itself."""

import functools
import json
import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import safetensors.torch
import torch
from click.testing import CliRunner, Result
from lightning.fabric.utilities.apply_func import move_data_to_device
from saved_models import open_split
from torch import Tensor, nn

from shardmill import Bag
from shardmill.cli import main
from shardmill.training.objectives.measures import MEASURES
from shardmill.training.run.prepare_run import _make_loaders
from shardmill.training.run.report_epochs import make_reporters, short
from shardmill.training.run.train_artifact import RunOptions, train_artifact
from shardmill.training.saved.evaluate_classes import ClassEvaluation
from shardmill.training.saved.evaluate_model import evaluate_model
from shardmill.training.saved.load_model import load_model
from shardmill.training.settings.settings import BASELINES


def train(artifacts: Path, out: Path, changes: dict[str, Any], *, resume: bool = False) -> Any:
    options = RunOptions(changes, resume=resume)
    return train_artifact(artifacts / "titanic", out, options=options)


def command(artifacts: Path, out: Path, *options: str) -> Result:
    places = ["--artifacts", str(artifacts), "--out", str(out)]
    return CliRunner().invoke(main, ["train", "titanic", *places, "--epochs", "2", *options])


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_precisions(sample_artifacts: Path, tmp_path: Path, precision: str) -> None:
    result = train(sample_artifacts, tmp_path, {"epochs": 10, "precision": precision})
    assert result.metrics["validation_accuracy"] > 0.7
    weights = safetensors.torch.load_file(result.folder / "model" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    model = load_model(result.folder / "model")
    found = evaluate_model(model, sample_artifacts / "titanic", "validation")
    assert isinstance(found, ClassEvaluation)
    assert found.accuracy == pytest.approx(result.metrics["validation_accuracy"], abs=0.02)


def test_a_compiled_model(
    sample_artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = []
    compile_with = nn.Module.compile

    def without_a_compiler(self: nn.Module) -> None:
        # Traced as for the default backend, which would then look for a C++ compiler.
        compiled.append(type(self).__name__)
        compile_with(self, backend="aot_eager")

    monkeypatch.setattr(nn.Module, "compile", without_a_compiler)
    plain = train(sample_artifacts, tmp_path / "plain", {"epochs": 2})
    assert compiled == []
    result = train(sample_artifacts, tmp_path, {"epochs": 2, "compile": True})
    resumed = train(sample_artifacts, tmp_path, {}, resume=True)
    assert compiled == ["Baseline", "Baseline"]
    assert resumed.metrics == result.metrics
    assert result.metrics == pytest.approx(plain.metrics, rel=0.05)
    both = [
        safetensors.torch.load_file(run.folder / "model" / "model.safetensors")
        for run in (plain, result)
    ]
    assert both[0].keys() == both[1].keys()
    model = load_model(result.folder / "model")
    found = evaluate_model(model, sample_artifacts / "titanic", "validation")
    assert isinstance(found, ClassEvaluation)
    assert found.accuracy == pytest.approx(result.metrics["validation_accuracy"], abs=1e-6)


@pytest.mark.parametrize("gpu", [True, False])
def test_batches_for_a_gpu_are_pinned_ahead(
    sample_artifacts: Path, monkeypatch: pytest.MonkeyPatch, gpu: bool
) -> None:
    splits = {name: open_split(sample_artifacts / "mnist", name) for name in ("train", "test")}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    for loader in _make_loaders(splits, BASELINES["image"]).values():
        assert loader.pin_memory is gpu
        found: Any = loader
        assert found.prefetch == (2 if gpu else 0)


class Copied(Tensor):
    """A tensor that notes how it is moved."""

    calls: Any = None

    def to(self, *arguments: Any, **options: Any) -> Tensor:
        Copied.calls.append(options)
        return torch.Tensor.to(self, *arguments, **options)


def test_all_parts_of_a_batch_are_moved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Copied, "calls", [])
    part = functools.partial(torch.zeros(3).as_subclass, Copied)
    batch = ((Bag(part(), part()), {"numbers": part(), "flags": part()}), part())
    (bag, groups), y = move_data_to_device(batch, torch.device("meta"))
    assert Copied.calls == [{"non_blocking": True}] * 5
    assert isinstance(bag, Bag)
    moved = [*bag, *groups.values(), y]
    assert {tensor.device.type for tensor in moved} == {"meta"}


def test_a_run_is_reported_line_by_line(sample_artifacts: Path, tmp_path: Path) -> None:
    run = command(sample_artifacts, tmp_path)
    assert run.exit_code == 0, run.output
    first, *epochs = run.stderr.splitlines()
    assert first == f"training on {sample_artifacts / 'titanic'}"
    assert [line.split("  ")[0] for line in epochs] == ["epoch 1/2", "epoch 2/2"]
    metrics = json.loads((tmp_path / "titanic" / "metrics.json").read_bytes())["metrics"]
    for name, value in metrics.items():
        word = name.removeprefix("validation_").replace("_", " ")
        assert f"{word} {value:.4f}" in epochs[-1]
        assert f"{value:.4f}" in run.stdout
    assert "\r" not in run.stderr and epochs[-1].endswith(" s")
    quiet = command(sample_artifacts, tmp_path, "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    quiet = command(sample_artifacts, tmp_path, "--quiet", "--json")
    assert json.loads(quiet.stdout)[0]["metrics"] == metrics and quiet.stderr == ""
    # On a terminal, and not in the results.
    _, bar = make_reporters("bar", ())
    assert bar._console_kwargs == {"stderr": True}


def test_bars_and_lines_fit_into_80_characters(
    sample_artifacts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("FORCE_COLOR", "1")  # rich takes stderr for a terminal then
        options = RunOptions({"epochs": 2, "batch_size": 8}, report="bar")
        train_artifact(sample_artifacts / "titanic", tmp_path, options=options)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capfd.readouterr().err)
    lines = {line.strip() for line in re.split(r"[\r\n]+", text)}
    number = r"\d\.\d{4}"
    for epoch in ("1/2", "2/2"):
        assert any(
            re.fullmatch(rf"epoch {epoch} ━{{24}} 100/100 \d\d:\d\d", line) for line in lines
        )
        ended = rf"train loss {number}  validation loss {number} accuracy {number}  \d+\.\d s"
        assert any(re.fullmatch(rf"epoch {epoch}  {ended}", line) for line in lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12345, "0.1235"), (9.99996, "10.000"), (12.345678, "12.346"), (123456.7, "123457")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_the_longest_line_of_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = {"train_loss": 123.456, "validation_loss": 99.99, "validation_accuracy": 1.0}
    trainer: Any = SimpleNamespace(
        current_epoch=99, max_epochs=100, callback_metrics=metrics, is_global_zero=True
    )
    (lines,) = make_reporters("lines", MEASURES["class"].told)
    lines.on_train_epoch_start(trainer, None)
    lines.on_train_epoch_end(trainer, None)
    line = capsys.readouterr().err
    assert line.startswith(
        "epoch 100/100  train loss 123.46  validation loss 99.99 accuracy 1.0000  0.0 s"
    )
    assert len(line.rstrip()) <= 79  # so ten seconds and more have room as well


def test_the_commands_at_the_end_can_be_pasted(sample_artifacts: Path, tmp_path: Path) -> None:
    out = tmp_path / "my runs"
    said = command(sample_artifacts, out).stdout
    lines = [line.split(maxsplit=1) for line in said.splitlines() if " shardmill " in line]
    commands = dict(lines)
    assert list(commands) == ["resume", "evaluate", "predict", "export"]
    rows = tmp_path / "rows.csv"
    rows.write_text("Pclass,Sex,Age,SibSp,Parch,Fare,Embarked\n3,male,22,1,0,7.25,S\n")
    commands["predict"] = commands["predict"].replace("/path/to/rows.csv", str(rows))
    for name, text in commands.items():
        program, *words = shlex.split(text)
        run = CliRunner().invoke(main, words)
        assert (program, run.exit_code) == ("shardmill", 0), (name, run.output)
    assert (out / "titanic" / "model.pt2").is_file()
