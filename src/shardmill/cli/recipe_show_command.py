"""`shardmill recipe show`."""

import click

from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_shipped

_EXAMPLES = examples("shardmill recipe show titanic > mine.toml")


@click.command("show", group="recipe", cls=Command, epilog=_EXAMPLES)
@click.argument("name", shell_complete=complete_shipped)
def command(name: str) -> None:
    """Print a shipped recipe, to start your own from."""
    from shardmill.recipe.load_recipe import shipped_recipe_text

    click.echo(shipped_recipe_text(name), nl=False)
