"""`shardmill recipe`: commands for recipes."""

from typing import cast

import click
from click.shell_completion import CompletionItem

from shardmill.cli.command import examples
from shardmill.cli.lazy_group import LazyGroup

# Each of them has a module called `recipe_<name>_command`.
RECIPE_COMMANDS = ("list", "show", "infer", "validate", "schema")
_EXAMPLES = examples(
    "shardmill recipe show titanic > mine.toml",
    "shardmill recipe validate mine.toml",
)


class RecipeGroup(LazyGroup):
    """The commands for recipes. The name of a recipe stands for `show` and the name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command to run, and its arguments."""
        if args[0] not in RECIPE_COMMANDS:
            args = ["show", *args]
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and the shipped recipes that start with the incomplete word."""
        from shardmill.recipe.load_recipe import shipped_recipes

        recipes = [name for name in shipped_recipes() if name.startswith(incomplete)]
        return [*super().shell_complete(ctx, incomplete), *map(CompletionItem, recipes)]


@click.group(
    "recipe",
    cls=RecipeGroup,
    names=RECIPE_COMMANDS,
    modules="shardmill.cli.recipe_{}_command",
    invoke_without_command=True,
    epilog=_EXAMPLES,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, print and check recipes.

    `shardmill recipe NAME` is short for `shardmill recipe show NAME`, and `shardmill recipe` alone
    for `shardmill recipe list`.
    """
    if ctx.invoked_subcommand is None:
        listing = cast(click.Group, ctx.command).get_command(ctx, "list")
        ctx.invoke(cast(click.Command, listing))
