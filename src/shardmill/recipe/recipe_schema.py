"""A JSON Schema of recipes, with which editors complete keys and mark faults.

The schema knows keys, types and values. What must fit together, as a target and its column, only
`load_recipe` checks. So the schema takes every valid recipe, and some that have faults.
"""

import inspect
import re
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from shardmill.recipe.any_recipe import RECIPE_KINDS, AnyRecipe


def recipe_schema(kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema of recipes, ready for JSON.

    Args:
        kind: The kind of the recipes, or None for recipes of any kind.
    """
    wanted: Any = Annotated[AnyRecipe, Field(discriminator="kind")]
    if kind is not None:
        wanted = RECIPE_KINDS[kind]
    schema = TypeAdapter(wanted).json_schema(schema_generator=_ForToml)
    schema.pop("discriminator", None)  # of OpenAPI, not of JSON Schema
    title = "A recipe of shardmill" if kind is None else f"A {kind} recipe of shardmill"
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": title}


class _ForToml(GenerateJsonSchema):
    """Makes schemas that fit TOML, which has no null, and that explain every key."""

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        found = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        found["description"], _ = _docstring(model)
        explained: dict[str, str] = {}
        for base in reversed(model.__mro__):
            explained |= _docstring(base)[1]
        for name, field in model.model_fields.items():
            key = str(field.alias or name)
            facts = found["properties"][key]
            if name in explained:
                found["properties"][key] = {**facts, "description": explained[name]}
        return found

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        found = super().default_schema(schema)
        # None is no value of TOML, and the default of a table is the defaults of its keys.
        if found.get("default") is None or isinstance(found["default"], dict):
            found.pop("default", None)
        return found

    def dict_schema(self, schema: core_schema.DictSchema) -> dict[str, Any]:
        found = super().dict_schema(schema)
        if "patternProperties" in found:
            found["additionalProperties"] = False
        return found

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def _docstring(model: type) -> tuple[str, dict[str, str]]:
    """Return what a class is, and what each of its attributes is, as its docstring says it."""
    text = inspect.cleandoc(vars(model).get("__doc__") or "")
    whole, _, attributes = text.partition("\nAttributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", attributes, re.M)
    return " ".join(whole.split()), {name: " ".join(words.split()) for name, words in entries}
