"""`shardmill fetch`."""

from pathlib import Path

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.path_types import Here


@click.command("fetch", cls=Command, epilog=examples("shardmill fetch titanic --raw data/raw"))
@options.recipes
@click.option(
    "--raw",
    type=Here("Download into a folder, and copy that there.", file_okay=False),
    default=Path("data/raw"),
    show_default=True,
    help="The folder in which to put the raw files.",
)
@options.as_json
@options.quiet
def command(recipes: tuple[str, ...], raw: Path, as_json: bool, quiet: bool) -> None:
    """Download the published raw files of recipes.

    Each mirror is tried in turn, and each file is checked before it takes its place. Files that
    are there already are left alone, unless they are damaged. Without a name, the files of titanic,
    mnist and ag_news are downloaded. `shardmill recipe list` names the other recipes.
    """
    from shardmill.cli.output import note_own_recipes, print_json
    from shardmill.cli.progress_bars import progress_bars
    from shardmill.pipeline.builds.fetch_raw import fetch_raw
    from shardmill.recipe.load_recipe import STARTERS, load_recipe

    if not quiet:
        note_own_recipes(recipes)
    loaded = [load_recipe(name) for name in recipes or STARTERS]
    with progress_bars(quiet=quiet) as calls:
        fetched = [
            file for recipe in loaded for file in fetch_raw(recipe, raw, progress=calls.progress)
        ]
    if as_json:
        print_json([{"path": str(file.path), "status": file.status} for file in fetched])
        return
    if quiet:
        return
    for file in fetched:
        click.echo(f"{file.status:<13} {file.path}")
    if any(file.status == "differs" for file in fetched):
        click.echo("note: to get the published file, move away the one that differs", err=True)
    if not fetched:
        click.echo(
            "note: the recipe names no published files; its first lines may say more", err=True
        )
