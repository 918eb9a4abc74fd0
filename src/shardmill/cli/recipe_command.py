"""`shardmill recipe`."""

import click


@click.command("recipe")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """Print a shipped recipe, to start one of your own from; without a name, list them."""
    from shardmill.recipe.load_recipe import load_recipe, shipped_recipe_text, shipped_recipes

    if name is not None:
        click.echo(shipped_recipe_text(name), nl=False)
        return
    for shipped in shipped_recipes():
        recipe = load_recipe(shipped)
        click.echo(f"{shipped:<10} {recipe.kind:<8} {recipe.description}")
