"""What commands print: results to stdout, everything else to stderr."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shardmill.pipeline.build import Progress
    from shardmill.pipeline.build_artifacts import Outcome
    from shardmill.training.train_artifact import Result


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


def require_training() -> None:
    """Fail with what to install if the libraries for training are not there."""
    from importlib.util import find_spec

    missing = [name for name in ("lightning", "torchmetrics") if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"training needs {' and '.join(missing)}: pip install 'shardmill[train]'"
        )


def print_stopped(artifact: Path, artifacts: Path, out: Path) -> None:
    """Print how to go on with a run that was not finished, if there is a checkpoint."""
    if (out / artifact.name / "checkpoints" / "last.ckpt").is_file():
        places = ["--artifacts", str(artifacts), "--out", str(out)]
        command = shlex.join(["shardmill", "train", artifact.name, *places, "--resume"])
        click.echo(f"to go on with this run: {command}", err=True)


def print_results(results: Sequence["Result"]) -> None:
    """Print a table of what training gave, and how to look at each run."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    columns = ("validation_accuracy", "test_accuracy", "train_loss")
    for heading in ("artifact", *columns, "seconds", "written to"):
        table.add_column(heading.replace("_", " "), justify="left")
    for result in results:
        name = result.name + (" (SAMPLE DATA)" if result.sample else "")
        values = [f"{result.metrics[c]:.4f}" if c in result.metrics else "-" for c in columns]
        written = str(result.folder / "metrics.json")
        table.add_row(name, *values, f"{result.seconds:.1f}", written)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for result in results:
        checkpoints = sorted((result.folder / "checkpoints").glob("*.ckpt"))
        click.echo(f"{result.name}: {result.folder}")
        for label, lines in (
            ("stopped", [result.stopped] if result.stopped else []),
            ("look at", result.look),
            ("kept", [str(path) for path in checkpoints]),
        ):
            for line in lines:
                click.echo(f"  {label:<8} {line}")
