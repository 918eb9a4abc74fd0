"""Reads recipes: those that come with the package, and those of users."""

import json
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shardmill.errors import RecipeError
from shardmill.faults import hint
from shardmill.named import find_recipe
from shardmill.recipe.any_recipe import RECIPE_KINDS, AnyRecipe
from shardmill.strict import describe_faults

# The recipes that sample data is made for. `shardmill fetch` without a name takes these.
STARTERS = ("titanic", "mnist", "ag_news")
_EXAMPLES = {"image": "mnist", "text": "ag_news"}


def recipe_fix(kind: object = "tabular") -> str:
    """Return what to do with a recipe of a kind that has faults."""
    example = _EXAMPLES.get(str(kind), "titanic")
    return f"correct the recipe; `shardmill recipe {example}` prints a working one"


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes in the package, sorted."""
    folder = files("shardmill.recipe.shipped")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def shipped_recipe_text(name: str) -> str:
    """Return the TOML of a recipe in the package.

    Raises:
        RecipeError: There is no recipe of that name.
    """
    known = shipped_recipes()
    if name not in known:
        way = "check the name; `shardmill recipe list` names the shipped ones"
        near = [*known, *(path.stem for path in sorted(Path().glob("*.toml")))]
        raise _unknown(name, hint(name, near, way))
    return files("shardmill.recipe.shipped").joinpath(f"{name}.toml").read_text(encoding="utf-8")


def _unknown(name: str, fix: str) -> RecipeError:
    return RecipeError(
        f"recipe {name!r}",
        expected="a shipped recipe, or a path that ends in .toml",
        found="neither",
        fix=fix,
    )


def load_recipe(name_or_path: str) -> AnyRecipe:
    """Return the recipe that somebody meant: a file, or one of the package.

    Args:
        name_or_path: A path that ends in .toml, or a name; see `shardmill.named`.

    Raises:
        RecipeError: There is no such recipe, or it has faults; `found` lists them all.
    """
    text, where = recipe_text(name_or_path)
    return parse_recipe(text, where=where)


def recipe_text(name_or_path: str) -> tuple[str, str]:
    """Return the TOML of the recipe that somebody meant, and its path, or its name if shipped.

    Raises:
        RecipeError: There is no such recipe.
    """
    meant = find_recipe(name_or_path, shipped_recipes())
    if meant is None or not meant.endswith(".toml"):
        return shipped_recipe_text(meant or name_or_path), meant or name_or_path
    path = Path(meant)
    fix = "check the path"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, FileNotFoundError):
            near = [*map(str, sorted(path.parent.glob("*.toml"))), *shipped_recipes()]
            fix = hint(name_or_path, near, fix)
        raise RecipeError(
            path, expected="a readable TOML file", found=str(error), fix=fix
        ) from None
    return text, meant


def parse_recipe(text: str, *, where: str) -> AnyRecipe:
    """Return the recipe in a text.

    Args:
        text: The recipe as TOML.
        where: Where the text comes from, for errors.

    Raises:
        RecipeError: The recipe has faults; `found` lists them all.
    """
    return check_facts(recipe_facts(text, where=where), where=where)


def recipe_facts(text: str, *, where: str) -> dict[str, Any]:
    """Return the facts in the TOML of a recipe, which nobody has checked yet.

    Raises:
        RecipeError: The text is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(
            where, expected="valid TOML", found=str(error), fix=recipe_fix()
        ) from None


def check_facts(facts: Mapping[str, Any], *, where: str) -> AnyRecipe:
    """Return the recipe that facts make up.

    Args:
        facts: The facts, as those of a TOML file.
        where: Where they come from, for errors.

    Raises:
        RecipeError: The recipe has faults; `found` lists them all.
    """
    kind = facts.get("kind")
    if not isinstance(kind, str) or kind not in RECIPE_KINDS:
        raise RecipeError(
            f"{where}: kind",
            expected=f"one of {', '.join(RECIPE_KINDS)}",
            found="nothing" if kind is None else repr(kind),
            fix=recipe_fix(),
        )
    model = RECIPE_KINDS[kind]
    try:
        # The facts go through JSON, since only there pydantic's strict mode takes arrays for
        # tuples. A TOML date becomes a string, which is refused wherever something else is
        # expected.
        return model.model_validate_json(json.dumps(facts, default=str))
    except ValidationError as error:
        faults = describe_faults(model, error)
        found = f"{len(faults)} faults: " if len(faults) > 1 else ""
        refused = RecipeError(
            where,
            expected=f"a valid {kind} recipe",
            found=found + "; ".join(faults),
            fix=recipe_fix(kind),
        )
        refused.faults = tuple(faults)
        raise refused from None
