"""`shardmill recipe validate`."""

from typing import Any

import click

from shardmill.cli import options
from shardmill.cli.command import Command, examples
from shardmill.cli.complete import complete_recipes
from shardmill.errors import RecipeError

_EXAMPLES = examples("shardmill recipe validate bikes.toml")


@click.command("validate", group="recipe", cls=Command, epilog=_EXAMPLES)
@click.argument(
    "recipes",
    nargs=-1,
    required=True,
    metavar="[NAME or RECIPE.toml]...",
    shell_complete=complete_recipes,
)
@options.as_json
@options.quiet
def command(recipes: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Check recipes without building anything.

    All faults of each recipe are listed. Raw files are not looked at. The exit code is 3 if a
    recipe has faults.
    """
    from shardmill.cli.output import print_json

    reports = [_report(recipe) for recipe in recipes]
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _print(report, quiet=quiet)
    if not all(report["valid"] for report in reports):
        click.get_current_context().exit(RecipeError.exit_code)


def _report(name_or_path: str) -> dict[str, Any]:
    """Return what is to be said of one recipe, ready for JSON."""
    from shardmill.recipe.load_recipe import load_recipe

    facts: dict[str, Any] = {"recipe": name_or_path, "valid": False, "name": None, "kind": None}
    try:
        recipe = load_recipe(name_or_path)
    except RecipeError as error:
        faults = error.faults or (f"expected {error.expected}, found {error.found}; {error.fix}",)
        return {**facts, "faults": list(faults)}
    return {**facts, "valid": True, "name": recipe.name, "kind": recipe.kind, "faults": []}


def _print(report: dict[str, Any], *, quiet: bool) -> None:
    faults = report["faults"]
    if not faults:
        if not quiet:
            kind, name = report["kind"], report["name"]
            click.echo(f"{report['recipe']}: valid, the {kind} recipe of {name}")
        return
    click.echo(f"{report['recipe']}: {len(faults)} {'fault' if len(faults) == 1 else 'faults'}")
    for fault in faults:
        click.echo(f"  {fault}")
