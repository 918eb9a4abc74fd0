"""`shardmill train`."""

import sys
from pathlib import Path

import click

from shardmill.cli import options


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
@click.option("--epochs", type=click.IntRange(min=1), help="[default: that of the baseline]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@options.as_json
@options.quiet
def command(
    names: tuple[str, ...],
    artifacts: Path,
    out: Path,
    epochs: int | None,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a baseline on artifacts and write its metrics; without a name, on all of them."""
    from shardmill.cli.output import print_json, print_results, require_libraries
    from shardmill.find_artifacts import find_artifacts

    require_libraries("training", ["lightning", "torchmetrics"], "shardmill[train]")
    from shardmill.training.train_artifact import train_artifact

    results = []
    for artifact in find_artifacts(artifacts, names):
        if not quiet:
            click.echo(f"training on {artifact}", err=True)
        bar = not quiet and sys.stderr.isatty()
        results.append(train_artifact(artifact, out, seed=seed, epochs=epochs, bar=bar))
    if as_json:
        print_json([result.to_dict() for result in results])
    elif not quiet:
        print_results(results)
