"""`shardmill recipe infer`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.path_types import Anywhere
from shardmill.urls import PathOrUrl, is_url

_EXAMPLES = examples(
    "shardmill recipe infer people.csv --target income > people.toml",
    "shardmill recipe infer adult/adult.data adult/adult.test --target column_15",
)


@click.command("infer", group="recipe", cls=Command, epilog=_EXAMPLES)
@click.argument("files", nargs=-1, required=True, type=Anywhere())
@options.target
@options.dataset_name
@options.cache
def command(
    files: tuple[PathOrUrl, ...], target: str | None, name: str | None, cache: Path | None
) -> None:
    """Print a recipe for files of your own.

    FILES are the CSV, Parquet, Arrow or JSON Lines files of one dataset, arrays of images and
    labels (IDX, .npy, .npz), or one folder with a folder of images for each class. Files may be
    given by their URLs. All of them are read. A file called train, validation or test is this
    split; without such names, rows are held out. The recipe builds as it is. A comment stands above
    each guess that the files do not prove.
    """
    from shardmill.pipeline.infer.infer_recipe import infer_recipe

    here = [Path(file) for file in files if not is_url(file)]
    if here and len(here) < len(files):
        raise click.UsageError("Give files of this machine, or the URLs of all files.")
    if here:
        inferred = infer_recipe(here, target=target, name=name)
        raw: PathOrUrl = inferred.raw
    else:
        from shardmill.pipeline.builds.bring_raw import bring_files
        from shardmill.pipeline.builds.named_by_urls import named_by_urls

        brought = bring_files([str(url) for url in files], cache)
        raw = brought.url
        with named_by_urls({brought.folder: brought.url}):
            inferred = infer_recipe(brought.files, target=target, name=name or brought.name())
    click.echo(inferred.text, nl=False)
    count = len(inferred.doubts)
    noun = "guess is" if count == 1 else "guesses are"
    click.echo(f"{count:,} {noun} not sure, see the comments", err=True)
    click.echo(f"build it with --raw {raw}", err=True)
