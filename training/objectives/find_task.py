"""Finds out what a model of an artifact is to tell: a class, or a number."""

from collections.abc import Mapping
from typing import Any

from shardmill.errors import UntrainableError
from shardmill.format.manifest import Manifest
from shardmill.training.objectives.measures import Task

_OWN_MODEL = "train a model of your own on shardmill.open(...).loader(...)"


def find_task(manifest: Manifest, where: object) -> Task:
    """Return what a model of an artifact is to tell.

    Args:
        manifest: The manifest of the artifact.
        where: The folder of the artifact, for errors.

    Raises:
        UntrainableError: There is no target, there are several, or a row has several classes.
    """
    roles = [field.role for field in manifest.splits["train"].fields if field.is_target]
    if roles == ["number"]:
        return "number"
    if roles == ["class"]:
        return "class"
    found, fix = _what_there_is(manifest.recipe, targets=len(roles))
    expected = "one target, a class or a number for each row"
    raise UntrainableError(where, expected=expected, found=found, fix=f"{fix}{_OWN_MODEL}")


def target_name(recipe: Mapping[str, Any]) -> str:
    """Return what the only target of a recipe is called: its column, or "label" without one.

    Args:
        recipe: The recipe as a manifest holds it.

    Example:
        >>> target_name({"target": {"column": "price"}}), target_name({"target": {}})
        ('price', 'label')
    """
    column = recipe["target"].get("column")
    return column if isinstance(column, str) else "label"  # of arrays, it is a number


def _what_there_is(recipe: Mapping[str, Any], *, targets: int) -> tuple[str, str]:
    """Return the targets in the words of the recipe, and how a recipe could have one of them."""
    if not targets:
        return "no target", "name one under [target] in the recipe and build again, or "
    if "targets" in recipe:
        names = ", ".join(table["name"] for table in recipe["targets"])
        fix = "leave only one of them in the recipe, under [target], and build again, or "
        return f"{targets} targets: {names}", fix
    target = recipe["target"]
    if "columns" in target:
        return f"several classes for a row, in the columns {', '.join(target['columns'])}", ""
    return f"several classes for a row, in the target {target_name(recipe)}", ""
