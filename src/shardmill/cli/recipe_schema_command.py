"""`shardmill recipe schema`."""

import click

from shardmill.cli.command import Command, examples

KINDS = ("tabular", "image", "text")
_EXAMPLES = examples("shardmill recipe schema > recipe.schema.json")


@click.command("schema", group="recipe", cls=Command, epilog=_EXAMPLES)
@click.option("--kind", type=click.Choice(KINDS), help="Only recipes of this kind.")
def command(kind: str | None) -> None:
    """Print the JSON Schema of recipes, for editors.

    With it, an editor completes keys, explains them and marks faults. Name the file in the first
    line of a recipe: #:schema ./recipe.schema.json
    """
    from shardmill.cli.output import print_json
    from shardmill.recipe.recipe_schema import recipe_schema

    print_json(recipe_schema(kind))
