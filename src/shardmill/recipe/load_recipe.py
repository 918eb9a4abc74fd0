"""Reads recipes: those that come with the package, and those of users."""

import json
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shardmill.errors import MissingObjectError, RecipeError
from shardmill.faults import hint
from shardmill.named import find_recipe
from shardmill.recipe.any_recipe import RECIPE_KINDS, AnyRecipe
from shardmill.strict import describe_faults
from shardmill.urls import is_url, url_meant

# The recipes that sample data is made for. `shardmill fetch` without a name takes these.
STARTERS = ("titanic", "mnist", "ag_news")
# Far more than any recipe. A file or an answer that does not end is read no further.
_MOST_BYTES = 2**24
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
        expected="a shipped recipe, or a path or URL that ends in .toml",
        found="neither",
        fix=fix,
    )


def load_recipe(name_or_path: str) -> AnyRecipe:
    """Return the recipe that somebody meant: a file, or one of the package.

    Args:
        name_or_path: A path or URL that ends in .toml, or a name; see `shardmill.named`.

    Raises:
        RecipeError: There is no such recipe, or it has faults; `found` lists them all.
        StorageError: The storage at the URL refused or failed.
    """
    text, where = recipe_text(name_or_path)
    return parse_recipe(text, where=where)


def recipe_text(name_or_path: str) -> tuple[str, str]:
    """Return the TOML of the recipe that somebody meant, and its place, or its name if shipped.

    Raises:
        RecipeError: There is no such recipe, or it is no text of at most 16 MiB.
        StorageError: The storage at the URL refused or failed.
    """
    meant = find_recipe(name_or_path, shipped_recipes())
    if meant is None or not meant.endswith(".toml"):
        return shipped_recipe_text(meant or name_or_path), meant or name_or_path
    content = _content_at(meant) if is_url(meant) else _content_of(Path(meant))
    if len(content) > _MOST_BYTES:
        expected = f"a recipe, of at most {_MOST_BYTES:,} bytes"
        raise RecipeError(meant, expected=expected, found="more", fix="check that it is a recipe")
    try:
        return content.decode(), meant
    except UnicodeDecodeError as error:
        raise _unreadable(meant, error, "save it as UTF-8") from None


def _content_of(path: Path) -> bytes:
    """Return the bytes of a file, but not many more than a recipe may have."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except OSError as error:
        fix = "check the path"
        if isinstance(error, FileNotFoundError):
            near = [*map(str, sorted(path.parent.glob("*.toml"))), *shipped_recipes()]
            fix = hint(str(path), near, fix)
        if (meant := url_meant(path)) is not None:
            fix = f"give a URL as a text, with two slashes: {meant}"
        raise _unreadable(path, error, fix) from None


def _content_at(url: str) -> bytes:
    """Return the bytes of an object, but not many more than a recipe may have."""
    from shardmill.store.read_bytes import read_bytes

    try:
        return read_bytes(url, _MOST_BYTES)
    except MissingObjectError as error:
        raise _unreadable(url, error.found, "correct the URL") from None


def _unreadable(where: object, error: object, fix: str) -> RecipeError:
    return RecipeError(where, expected="a readable TOML file", found=str(error), fix=fix)


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
