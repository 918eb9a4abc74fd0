"""shardmill's own baselines, trained by what `shardmill train` calls."""

import csv
import gzip
import io
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from accuracy.outcome import Outcome

from shardmill.training.run.train_artifact import Result, RunOptions, train_artifact


def train_baseline(
    data: str, architecture: str, artifacts: Sequence[Path], out: Path, *, seeds: Iterable[int]
) -> tuple[Outcome, list[Result]]:
    """Train on each artifact with each seed; evaluate on the test split, or else validation."""
    results = [
        train_artifact(
            artifact,
            out / f"{architecture}-{number}-{seed}",
            seed=seed,
            options=RunOptions({"model": {"architecture": architecture}}),
        )
        for number, artifact in enumerate(artifacts)
        for seed in seeds
    ]
    accuracies = [_accuracy(result) for result in results]
    name = f"shardmill, {architecture}"
    return Outcome(data, name, accuracies, [r.seconds for r in results]), results


def check_predictions(result: Result, raw: Path) -> None:
    """Hold `shardmill predict` on a raw test file against the accuracy that training gave.

    Labels are read from the raw files by other means than shardmill's.

    Raises:
        ValueError: they are not the same.
    """
    file, labels = _TESTS[result.name](raw)
    command = [sys.executable, "-m", "shardmill", "predict", str(result.folder / "model")]
    run = subprocess.run(  # noqa: S603  our own command
        [*command, str(file)], check=True, capture_output=True, text=True
    )
    found = [row["class"] for row in csv.DictReader(io.StringIO(run.stdout))]
    right = sum(a == b for a, b in zip(found, labels, strict=True)) / len(labels)
    if abs(right - _accuracy(result)) > 1e-6:  # float32 of the metric
        raise ValueError(f"{file}: predictions are {right} right, training said {result.metrics}")


def _accuracy(result: Result) -> float:
    metrics = result.metrics
    return metrics["test_accuracy" if "test_accuracy" in metrics else "validation_accuracy"]


def _ag_news(raw: Path) -> tuple[Path, list[str]]:
    file = raw / "ag_news" / "test.csv"
    names = ("World", "Sports", "Business", "Sci/Tech")
    with file.open(newline="", encoding="utf-8") as rows:
        return file, [names[int(row[0]) - 1] for row in csv.reader(rows)]


def _mnist(raw: Path) -> tuple[Path, list[str]]:
    content = gzip.decompress((raw / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())
    return (
        raw / "mnist" / "t10k-images-idx3-ubyte.gz",
        [str(label) for label in np.frombuffer(content, np.uint8, offset=8)],
    )


_TESTS = {"ag_news": _ag_news, "mnist": _mnist}
