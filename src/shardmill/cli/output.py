"""What commands print: results to stdout, everything else to stderr."""

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shardmill.pipeline.builds.build_artifacts import Outcome
    from shardmill.pipeline.builds.build_run import Progress
    from shardmill.training.run.train_artifact import Result
    from shardmill.training.saved.evaluate_model import Evaluation
    from shardmill.training.saved.export_model import Exported


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator["Progress"]:
    """Give a callback that draws one bar a stage on stderr; none unless it is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda stage, done, total: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield update


def print_outcomes(outcomes: Sequence["Outcome"], *, as_json: bool, quiet: bool) -> None:
    """Print what a build did, a line for each dataset."""
    for outcome in outcomes:
        for note in outcome.notes if not quiet else ():
            click.echo(f"note: {outcome.name}: {note}", err=True)
    if as_json:
        print_json([outcome.to_dict() for outcome in outcomes])
        return
    width = max((len(outcome.name) for outcome in outcomes), default=0)
    for outcome in outcomes if not quiet else ():
        click.echo(f"{outcome.name:<{width}}  {outcome.line()}")


def print_json(facts: Any) -> None:
    """Print facts as JSON to stdout."""
    click.echo(json.dumps(facts, indent=2, ensure_ascii=False))


@contextmanager
def open_binary(out: Path | None) -> Iterator[IO[bytes]]:
    """Give a file that takes its place when all went well, or stdout if there is no path.

    A pipe or device is written to as it is.
    """
    # A file opened anew under a name such as /dev/stdout would not share its place in the file.
    if out is None or is_same_file(out, 1):
        yield sys.stdout.buffer
        return
    from shardmill.training.saved.write_predictions import open_output

    with open_output(out, stream=True) as file:
        yield file


def is_same_file(path: Path, other: str | int) -> bool:
    """Say whether a path leads to another file, named or open; not if either is not there."""
    try:
        return os.path.samestat(path.stat(), os.stat(other))  # noqa: PTH116  a descriptor, too
    except OSError:
        return False


def require_libraries(what: str, names: Sequence[str], package: str) -> None:
    """Fail with what to install if libraries are not there."""
    from importlib.util import find_spec

    missing = [name for name in names if find_spec(name) is None]
    if missing:
        needed = " and ".join(missing)
        raise click.ClickException(f"{what} needs {needed}: pip install '{package}'")


def way_to_go_on(artifact: Path, out: Path) -> str:
    """Return in words how to go on with a run that was not finished."""
    from shardmill.training.show.describe_run import resume_command

    if (out / artifact.name / "checkpoints" / "last.ckpt").is_file():
        return f"to go on with this run: {resume_command(artifact, out)}"
    return "no checkpoint of this run was written yet"


def print_results(results: Sequence["Result"]) -> None:
    """Print a table of what training gave, and for each run where it is and what to do with it."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    columns = ("train_loss", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy")
    for heading in ("artifact", *columns, "seconds"):
        table.add_column(heading.replace("_", " "), justify="left")
    for result in results:
        name = result.name + (" (SAMPLE DATA)" if result.sample else "")
        values = [f"{result.metrics[c]:.4f}" if c in result.metrics else "-" for c in columns]
        table.add_row(name, *values, f"{result.seconds:.1f}")
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for result in results:
        click.echo(f"{result.name}: {result.folder}")
        for label, lines in _ways_on(result):
            for line in lines:
                click.echo(f"  {label:<8} {line}")


# What `shardmill predict` takes.
_RAW_FILES = {"tabular": "rows.csv", "text": "texts.csv", "image": "images.idx"}


def _ways_on(result: "Result") -> Iterator[tuple[str, Sequence[str]]]:
    """Yield files, and commands to paste, by what they are for."""
    from shardmill.training.show.describe_run import resume_command

    model = str(result.folder / "model")
    checkpoints = sorted((result.folder / "checkpoints").glob("*.ckpt"))
    yield "started", [f"from {result.origin}"] if result.origin else []
    yield "trained", [f"{result.trained:,} of {result.parameters:,} parameters"]
    yield "stopped", [result.stopped] if result.stopped else []
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


def print_exported(exported: "Exported") -> None:
    """Print what an exported network takes and returns, and how well it was found to agree."""
    click.echo(f"{exported.path}")
    for name, form in exported.inputs.items():
        click.echo(f"  takes    {name} {form}")
    click.echo(f"  returns  logits [b, {len(exported.classes)}]")
    sizes = ", ".join(map(str, exported.sizes))
    click.echo(f"  checked  logits differ by {exported.difference:.1g} at most, for {sizes} rows")


def print_evaluation(evaluation: "Evaluation") -> None:
    """Print the scores of each class and the confusion matrix as tables."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    sample = " (SAMPLE DATA)" * evaluation.sample
    click.echo(f"{evaluation.artifact}, {evaluation.split}: {evaluation.rows:,} rows{sample}")
    click.echo(f"accuracy {evaluation.accuracy:.4f}")
    scores = Table("class", "precision", "recall", "F1", "rows")
    names = [escape(c.name) for c in evaluation.classes]
    confusion = Table("true \\ predicted", *names)
    for name, c, row in zip(names, evaluation.classes, evaluation.confusion, strict=True):
        numbers = (f"{n:.4f}" for n in (c.precision, c.recall, c.f1))
        scores.add_row(name, *numbers, f"{c.rows:,}")
        confusion.add_row(name, *(f"{n:,}" for n in row))
    console.print(scores)
    console.print(confusion)
