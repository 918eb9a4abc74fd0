"""`shardmill recipe show`."""

import click

from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_recipes

_EXAMPLES = examples("shardmill recipe show titanic > mine.toml")


@click.command("show", group="recipe", cls=Command, epilog=_EXAMPLES)
@click.argument("name", metavar="NAME", shell_complete=complete_recipes)
def command(name: str) -> None:
    """Print a recipe, to start your own from.

    NAME is a shipped recipe, or the name or path of one of yours.
    """
    from shardmill.cli.output import note_own_recipes
    from shardmill.recipe.load_recipe import recipe_text

    note_own_recipes([name])
    click.echo(recipe_text(name)[0], nl=False)
