"""`shardmill recipe list`."""

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples


@click.command("list", group="recipe", cls=Command, epilog=examples("shardmill recipe list"))
@options.as_json
def command(as_json: bool) -> None:
    """List the shipped recipes."""
    from shardmill.cli.output import print_json
    from shardmill.recipe.load_recipe import load_recipe, shipped_recipes

    recipes = [load_recipe(name) for name in shipped_recipes()]
    if as_json:
        print_json(
            [{"name": r.name, "kind": r.kind, "description": r.description} for r in recipes]
        )
        return
    width = max(len(recipe.name) for recipe in recipes)
    for recipe in recipes:
        click.echo(f"{recipe.name:<{width}} {recipe.kind:<8} {recipe.description}")
