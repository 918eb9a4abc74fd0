"""`shardmill train`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardmill.cli import options

if TYPE_CHECKING:
    from shardmill.training.run.report_epochs import Report

LOGGERS = ("csv", "tensorboard", "wandb")


def _words(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:  # noqa: ARG001
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


def _loggers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = _words(ctx, param, value)
    for name in names:
        if name not in LOGGERS:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(LOGGERS)}.", ctx, param)
    return names


@click.command("train")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--artifacts",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("artifacts"),
    show_default=True,
    help="Folder of the artifacts.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of the runs, one folder for each name.",
)
@click.option(
    "--settings",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file with a table for each kind or artifact.",
)
@click.option(
    "--set",
    "words",
    multiple=True,
    metavar="KEY=VALUE",
    help="One setting, as in early_stopping.patience=3; before those of the file.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="[default: that of the baseline]")
@click.option("--seed", type=click.IntRange(min=0), help="[default: 0]")
@click.option(
    "--devices",
    type=click.IntRange(min=1),
    help="GPUs, or CPU processes where there is none; with torchrun those that it started.  "
    "[default: 1]",
)
@click.option(
    "--log",
    "loggers",
    callback=_loggers,
    metavar="NAME[,NAME]",
    help="Loggers beside csv: tensorboard, wandb.",
)
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Start from a saved model, as in runs/mnist/model; with a fresh head where the classes "
    "are others.",
)
@click.option(
    "--freeze",
    callback=_words,
    metavar="PART[,PART]",
    help="Parts of that model that do not train: backbone, or parts below it.",
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint, with its settings.")
@options.as_json
@options.quiet
def command(
    names: tuple[str, ...],
    artifacts: Path,
    out: Path,
    settings: Path | None,
    words: tuple[str, ...],
    epochs: int | None,
    seed: int | None,
    devices: int | None,
    loggers: tuple[str, ...],
    start: Path | None,
    freeze: tuple[str, ...],
    resume: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a baseline on artifacts and write its metrics; without a name, on all of them.

    A finished run that is in the way is put aside, to `previous` in its folder.
    """
    from shardmill.cli.output import print_json, print_results, require_libraries, way_to_go_on
    from shardmill.errors import ShardmillError
    from shardmill.format.find_artifacts import find_artifacts

    require_libraries("training", ["lightning", "torchmetrics"], "shardmill[train]")
    from shardmill.training.run.ranks import is_first_rank
    from shardmill.training.run.train_artifact import RunOptions, train_artifact
    from shardmill.training.settings.load_settings import (
        changes_for,
        load_settings_file,
        merge,
        parse_changes,
    )

    first = is_first_rank()  # of several, one speaks for all
    found = find_artifacts(artifacts, tuple(dict.fromkeys(names)))
    known = [artifact.name for artifact in find_artifacts(artifacts, ())]
    tables = load_settings_file(settings, known) if settings else {}
    counts = [] if devices is None else [f"devices={devices}"]
    given = parse_changes([*words, *(f"log.{name}=true" for name in loggers), *counts])
    transfer = {"model": start and str(start), "freeze": freeze}
    if transfer := {key: value for key, value in transfer.items() if value}:
        given = merge(given, {"transfer": transfer})
    quiet = quiet or not first
    report: Report = "nothing" if quiet else "bar" if sys.stderr.isatty() else "lines"
    results, failed = [], []
    for artifact in found:
        if not quiet:
            click.echo(f"training on {artifact}", err=True)
        run = RunOptions(changes_for(artifact, tables, given), resume=resume, report=report)
        try:
            results.append(train_artifact(artifact, out, seed=seed, epochs=epochs, options=run))
        except ShardmillError as error:
            failed.append(error)
            if len(found) > 1 and first:
                click.echo(f"not trained: {error}", err=True)
        except BaseException as error:
            error.add_note(way_to_go_on(artifact, out))
            raise
    if as_json and first:
        print_json([result.to_dict() for result in results])
    elif results and not quiet:
        print_results(results)
    if failed:
        raise failed[0]
