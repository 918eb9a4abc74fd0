"""Prints the results of training runs, and what can be done with each of them next."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardmill.urls import PathOrUrl

if TYPE_CHECKING:
    from shardmill.training.run.train_artifact import Result

_METRICS = ("train_loss", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy")
# What a number is measured by, with its heading.
_OF_NUMBERS = {
    "loss": "loss",
    "rmse": "RMSE",
    "rmse_of_mean": "RMSE of the mean",
    "mae": "MAE",
    "r2": "R²",
}
# An example of the raw file that `shardmill predict` takes, for each kind of dataset.
_RAW_FILES = {"tabular": "rows.csv", "text": "texts.csv", "image": "images.idx"}


def print_results(results: Sequence["Result"]) -> None:
    """Print tables of metrics, then the folder of each run and commands that use it."""
    for task, print_metrics in (("class", _print_classes), ("number", _print_numbers)):
        if alike := [result for result in results if result.task == task]:
            print_metrics(alike)
    for result in results:
        click.echo(f"{result.name}: {result.folder}")
        for label, lines in _next_steps(result):
            for line in lines:
                click.echo(f"  {label:<8} {line}")


def way_to_go_on(artifact: PathOrUrl, name: str, out: Path) -> str:
    """Return a sentence that says how to go on with a run that was interrupted.

    Args:
        artifact: The folder or the URL of the artifact.
        name: The name of the artifact.
        out: The folder of the runs.
    """
    from shardmill.training.show.describe_run import resume_command

    if (out / name / "checkpoints" / "last.ckpt").is_file():
        return f"to go on with this run: {resume_command(artifact, out)}"
    return "no checkpoint of this run was written yet"


def _print_classes(results: Sequence["Result"]) -> None:
    from shardmill.cli.print_table import print_table

    headings = [name.replace("_", " ") for name in ("artifact", *_METRICS, "seconds")]
    rows = []
    for result in results:
        values = [f"{result.metrics[m]:.4f}" if m in result.metrics else "-" for m in _METRICS]
        rows.append((_name(result), *values, f"{result.seconds:.1f}"))
    print_table(headings, rows)


def _print_numbers(results: Sequence["Result"]) -> None:
    """Print a line for each split, since numbers have more metrics than classes."""
    from shardmill.cli.print_table import print_table

    rows = []
    for result in results:
        for split in ("train", "validation", "test"):
            if f"{split}_loss" in result.metrics:
                values = [
                    _value(name, result.metrics.get(f"{split}_{name}")) for name in _OF_NUMBERS
                ]
                seconds = f"{result.seconds:.1f}" if split == "train" else "-"
                rows.append((_name(result), split, *values, seconds))
    print_table(["artifact", "split", *_OF_NUMBERS.values(), "seconds"], rows, names=2)


def _value(name: str, value: float | None) -> str:
    from shardmill.training.objectives.measures import in_any_unit

    if value is None:
        return "-"
    return f"{value:.4f}" if name in ("loss", "r2") else in_any_unit(value)


def _name(result: "Result") -> str:
    return f"{result.name} (SAMPLE DATA)" if result.sample else result.name


def _next_steps(result: "Result") -> Iterator[tuple[str, Sequence[str]]]:
    """Yield labels with facts, files, or commands to paste."""
    from shardmill.training.show.describe_run import resume_command

    model = str(result.folder / "model")
    checkpoints = sorted((result.folder / "checkpoints").glob("*.ckpt"))
    if result.origin:
        yield "started", [f"from {result.origin}"]
    yield "trained", [f"{result.trained:,} of {result.parameters:,} parameters"]
    if result.stopped:
        yield "stopped", [result.stopped]
    yield "metrics", [str(result.folder / "metrics.json")]
    yield "kept", [str(path) for path in checkpoints]
    yield "look at", result.look
    if any(path.name == "last.ckpt" for path in checkpoints):
        yield "resume", [resume_command(result.artifact, result.folder.parent)]
    if result.evaluated:
        split = ["--split", result.evaluated]
        yield "evaluate", [_command("evaluate", model, str(result.artifact), *split)]
    yield "predict", [_command("predict", model, f"/path/to/{_RAW_FILES[result.kind]}")]
    yield "export", [_command("export", model, "--out", f"{model}.pt2")]


def _command(*words: str) -> str:
    return shlex.join(["shardmill", *words])
