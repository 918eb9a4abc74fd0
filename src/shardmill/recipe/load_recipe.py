"""Reads recipes, those that ship with the package and those of users."""

import difflib
import json
import tomllib
from importlib.resources import files
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shardmill.errors import RecipeError
from shardmill.recipe.any_recipe import RECIPE_KINDS, AnyRecipe

FIX = "correct the recipe; `shardmill recipe titanic` prints a working one"


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes in the package, sorted."""
    folder = files("shardmill.recipe.shipped")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def shipped_recipe_text(name: str) -> str:
    """Return the TOML of a recipe in the package.

    Raises:
        RecipeError: there is none of that name.
    """
    known = shipped_recipes()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        raise RecipeError(
            f"recipe {name!r}",
            expected=f"one of {', '.join(known)}, or a path that ends in .toml",
            found="neither",
            fix=f"did you mean {close[0]}?" if close else "check the name",
        )
    return files("shardmill.recipe.shipped").joinpath(f"{name}.toml").read_text(encoding="utf-8")


def load_recipe(name_or_path: str) -> AnyRecipe:
    """Return the recipe in the package called so, or the one in a .toml file.

    Raises:
        RecipeError: no such recipe, or it has faults; all of them are in `found`.
    """
    if not name_or_path.endswith(".toml"):
        return parse_recipe(shipped_recipe_text(name_or_path), where=name_or_path)
    path = Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            path, expected="a readable TOML file", found=str(error), fix="check the path"
        ) from None
    return parse_recipe(text, where=str(path))


def parse_recipe(text: str, *, where: str) -> AnyRecipe:
    """Return the recipe written in `text`; `where` names its source in errors."""
    try:
        facts = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(where, expected="valid TOML", found=str(error), fix=FIX) from None
    kind = facts.get("kind")
    if not isinstance(kind, str) or kind not in RECIPE_KINDS:
        raise RecipeError(
            f"{where}: kind",
            expected=f"one of {', '.join(RECIPE_KINDS)}",
            found="nothing" if kind is None else repr(kind),
            fix=FIX,
        )
    model = RECIPE_KINDS[kind]
    try:
        # By way of JSON: pydantic's strict mode takes arrays for tuples only there. A TOML date
        # becomes a string, and is refused as one wherever something else is expected.
        return model.model_validate_json(json.dumps(facts, default=str))
    except ValidationError as error:
        faults = [describe_fault(model, fault) for fault in error.errors()]
        found = f"{len(faults)} faults: " if len(faults) > 1 else ""
        raise RecipeError(
            where, expected=f"a valid {kind} recipe", found=found + "; ".join(faults), fix=FIX
        ) from None


def describe_fault(model: type[BaseModel], fault: ErrorDetails) -> str:
    """Say where in the recipe a fault is and what is wrong, with the closest key if unknown."""
    path = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        return f"{path}: missing"
    if fault["type"] == "extra_forbidden":
        tables = _models_at(model, fault["loc"][:-1])
        fields = [item for table in tables for item in table.model_fields.items()]
        known = sorted({str(field.validation_alias or key) for key, field in fields})
        close = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
        return f"{path}: unknown key, {hint}"
    if path and not isinstance(fault["input"], dict | list):
        return f"{path}: {message}, found {fault['input']!r}"
    return f"{path}: {message}" if path else message


def _models_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[type[BaseModel]]:
    # The tables that may stand at a path of the recipe.
    annotations: list[Any] = [model]
    for part in loc:
        annotations = [
            below for a in annotations for below in _alternatives(_annotation_below(a, part))
        ]
    return [a for a in annotations if isinstance(a, type) and issubclass(a, BaseModel)]


def _annotation_below(annotation: Any, part: int | str) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = get_args(annotation)  # dict[key, value] or tuple[element, ...]
    return (arguments[1] if get_origin(annotation) is dict else arguments[0]) if arguments else None


def _alternatives(annotation: Any) -> list[Any]:
    # Annotated[X, ...] is X; X | None is either.
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [x for argument in get_args(annotation) for x in _alternatives(argument)]
    return [annotation]
