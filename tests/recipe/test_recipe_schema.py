"""The JSON Schema takes every valid recipe, and refuses wrong keys, types and values."""

import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from recipe_texts import IMAGE, TABULAR, TEXT, change

from shardmill.recipe.any_recipe import RECIPE_KINDS
from shardmill.recipe.load_recipe import load_recipe, shipped_recipe_text, shipped_recipes
from shardmill.recipe.recipe_schema import recipe_schema

SCHEMA = recipe_schema()


def faults_of(text: str, schema: dict[str, Any] = SCHEMA) -> list[str]:
    """The paths at which a recipe breaks the schema of its own kind."""
    return [
        error.json_path for error in Draft202012Validator(schema).iter_errors(tomllib.loads(text))
    ]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for kind in RECIPE_KINDS:
        Draft202012Validator.check_schema(recipe_schema(kind))


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_are_valid(name: str) -> None:
    text = shipped_recipe_text(name)
    assert faults_of(text) == faults_of(text, recipe_schema(load_recipe(name).kind)) == []


@pytest.mark.parametrize(
    ("text", "old", "new", "path"),
    [
        (TABULAR, 'name = "trees"', 'name = "a b"', "$.name"),
        (TABULAR, 'name = "trees"', "name = 1", "$.name"),
        (TABULAR, 'name = "trees"\n', "", "$"),
        (TABULAR, "[splits.train.csv]", '[splits."a b".csv]', "$.splits"),
        (TABULAR, '"float64"', '"float"', "$.columns.height.dtype"),
        (TABULAR, '"float64"', '"float64", heigth = 1', "$.columns.height"),
        (TABULAR, "first = 0", "first = 0.5", "$.target.first"),
        (TABULAR, 'path = "', 'checksum = "sha256:0"\npath = "', "$.splits.train.csv"),
        (IMAGE, "[target]", "[text]\njoin = []\n[target]", "$"),
        (TEXT, "[text]", "[text]\ntokenizer = 'none'", "$.text.tokenizer"),
    ],
)
def test_wrong_recipes_are_refused(text: str, old: str, new: str, path: str) -> None:
    broken = change(text, old, new)
    kind = tomllib.loads(text)["kind"]
    assert faults_of(broken, recipe_schema(kind)) == [path]
    assert faults_of(broken) == ["$"]  # none of the three kinds takes it


def test_forms_that_are_not_pydantics_own() -> None:
    text = change(TABULAR, "[splits.train.csv]", '[groups]\na = ["height"]\n[splits.train.csv]')
    text = change(text, '"float64"', '"float64", prefix = "$"')
    assert faults_of(text) == []
    assert faults_of(change(text, '["height"]', '{ columns = ["height"], dtype = "int8" }')) == []
    assert faults_of(change(text, '["height"]', "[]")) != []


def test_texts_of_a_row() -> None:
    text = change(TEXT, 'join = ["title", "body"]\n', "")
    text = change(text, "[target]", '[groups]\na = ["title"]\n[target]')
    assert faults_of(text) == faults_of(text, recipe_schema("text")) == []
    assert faults_of(change(text, 'a = ["title"]', 'a = { columns = ["title"] }')) == []
    wrong = change(text, 'a = ["title"]', 'a = { columns = ["title"], dtype = "int8" }')
    assert faults_of(wrong, recipe_schema("text")) == ["$.groups.a"]


def test_keys_are_explained() -> None:
    definitions = SCHEMA["$defs"]
    file = definitions["CsvFile"]["properties"]
    assert file["rows"]["description"] == "How many rows the published file has."  # of its base
    unexplained = [
        (name, key)
        for name, table in definitions.items()
        for key, facts in table["properties"].items()
        if "description" not in facts
    ]
    assert unexplained == []
    assert set(definitions["Vocabulary"]["properties"]) >= {"from", "min_freq"}
