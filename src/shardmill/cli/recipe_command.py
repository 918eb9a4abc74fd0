"""`shardmill recipe`."""

import click

from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_shipped


@click.command("recipe", cls=Command, epilog=examples("shardmill recipe titanic > mine.toml"))
@click.argument("name", required=False, shell_complete=complete_shipped)
def command(name: str | None) -> None:
    """Print a shipped recipe, to start your own from.

    Without a name, the command lists the shipped recipes.
    """
    from shardmill.recipe.load_recipe import load_recipe, shipped_recipe_text, shipped_recipes

    if name is not None:
        click.echo(shipped_recipe_text(name), nl=False)
        return
    for shipped in shipped_recipes():
        recipe = load_recipe(shipped)
        click.echo(f"{shipped:<10} {recipe.kind:<8} {recipe.description}")
