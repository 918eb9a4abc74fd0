"""`shardmill recipe infer`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.path_types import Here

_EXAMPLES = examples(
    "shardmill recipe infer people.csv --target income > people.toml",
    "shardmill recipe infer adult/adult.data adult/adult.test --target column_15",
)

_HERE = Here("Bring the files here; the recipe that is made builds with --raw URL.")


@click.command("infer", group="recipe", cls=Command, epilog=_EXAMPLES)
@click.argument("files", nargs=-1, required=True, type=_HERE)
@options.target
@options.dataset_name
def command(files: tuple[Path, ...], target: str | None, name: str | None) -> None:
    """Print a recipe for files of your own.

    FILES are the CSV, Parquet, Arrow or JSON Lines files of one dataset, arrays of images and
    labels (IDX, .npy, .npz), or one folder with a folder of images for each class. All of them are
    read. A file called train, validation or test is this split; without such names, rows are held
    out. The recipe builds as it is. A comment stands above each guess that the files do not prove.
    """
    from shardmill.pipeline.infer.infer_recipe import infer_recipe

    inferred = infer_recipe(files, target=target, name=name)
    click.echo(inferred.text, nl=False)
    count = len(inferred.doubts)
    noun = "guess is" if count == 1 else "guesses are"
    click.echo(f"{count:,} {noun} not sure, see the comments", err=True)
    click.echo(f"build it with --raw {inferred.raw}", err=True)
