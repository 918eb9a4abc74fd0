"""Recipes of tables: columns, groups and targets."""

import json

import pytest
from bikes import BIKES
from pydantic import ValidationError
from recipe_texts import TABULAR, TEXT, change, fault_of

from shardmill.recipe.load_recipe import (
    parse_recipe,
)
from shardmill.recipe.tabular_recipe import TabularRecipe


def test_table_without_a_feature() -> None:
    text = TABULAR.replace('dtype = "float64"', 'drop = true, dtype = "float64"')
    text = text.replace('dtype = "str"', 'drop = true, dtype = "str"')
    assert fault_of(text) == "columns: at least one must be left as a feature"


COLUMN = """
name = "trees"
kind = "tabular"
splits.train.csv.path = "trees.csv"
[columns]
age = { dtype = "int64" }
height = { COLUMN }
"""


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        # keys of columns of another sort
        ('dtype = "int64", map = { a = 1 }', "columns.height.map: needs dtype str"),
        ('dtype = "bool", categories = ["a"]', "columns.height.categories: needs dtype str"),
        ('dtype = "int64", format = "%d"', "columns.height.format: needs dtype date or timestamp"),
        ('dtype = "int64", parts = ["day"]', "columns.height.parts: needs dtype date or timestamp"),
        ('dtype = "date", parts = ["hour"]', "height.parts: needs dtype timestamp for the time"),
        ('dtype = "date", parts = ["day", "day"]', "columns.height.parts: named twice: day"),
        ('dtype = "date", parts = ["week"]', "columns.height.parts.0: Input should be 'year', "),
        ('dtype = "date", parts = ["day"], scale = "min_max"', "scale: needs a column of numbers"),
        ('dtype = "bool", scale = "min_max"', "columns.height.scale: needs a column of numbers"),
        ('dtype = "bool", scale = "minmax"', "columns.height.scale: Input should be 'none', "),
        ('dtype = "int64", encode = "one_hot"', "columns.height.encode: needs categories"),
        ('dtype = "int64", unseen = "unknown"', "columns.height.unseen: needs categories"),
        ('dtype = "str", map = { a = 1 }, min_freq = 2', 'min_freq: needs categories = "learn"'),
        ('dtype = "int64", true = ["a"]', "true: needs dtype bool"),
        # bools
        ('dtype = "bool", true = ["a"]', "columns.height: true and false are given together"),
        ('dtype = "bool", true = ["a"], false = ["A"]', "'a' is spelt for true and for false"),
        ('dtype = "bool", missing = "mean"', "columns.height.missing: bools have no mean"),
        # categories
        ('dtype = "str", categories = "lern"', 'categories: must be "learn" or a list of texts'),
        ('dtype = "str", categories = []', 'categories: must be "learn" or a list of texts'),
        ('dtype = "str", categories = [1]', 'categories: must be "learn" or a list of texts'),
        ('dtype = "str", categories = ["a", "a"]', "columns.height.categories: named twice: a"),
        ('dtype = "str", categories = ["<unknown>"]', "<unknown> is no category; see unseen and"),
        ('dtype = "str", categories = ["a"], map = { a = 1 }', "has a map and categories, one of"),
        (
            'dtype = "str", categories = "learn", unseen = "error", max_categories = 3',
            "columns.height.unseen: what min_freq or max_categories leave out must be unknown",
        ),
        # what is filled in
        ('dtype = "int64", missing = "constant"', 'missing = "constant" needs a fill'),
        ('dtype = "int64", fill = 1', 'columns.height.fill: needs missing = "constant"'),
        ('dtype = "int64", missing = "constant", fill = 1.5', "fill: must be a value of int64"),
        ('dtype = "int64", missing = "constant", fill = true', "fill: must be a value of int64"),
        ('dtype = "bool", missing = "constant", fill = 1', "fill: must be a value of bool"),
        ('dtype = "float64", missing = "constant", fill = inf', "fill: must be finite"),
        ('dtype = "float64", missing = "constant", fill = [1]', "fill: must be a number, a text"),
        ('dtype = "date", missing = "constant", fill = "1.2.03"', "fill: must be a date"),
        (
            'dtype = "str", categories = ["a", "b"], missing = "constant", fill = "c"',
            "columns.height.fill: must be one of a, b",
        ),
        # integers of more than 64 bits
        (
            f'dtype = "str", map = {{ a = {2**63} }}',
            "columns.height.map.a: Input should be less than or equal to 9223372036854775807",
        ),
        (
            f'dtype = "str", map = {{ a = {-(2**63) - 1} }}',
            "columns.height.map.a: Input should be greater than or equal to -9223372036854775808",
        ),
        (
            f'dtype = "int64", missing = "constant", fill = {2**63}',
            "columns.height.fill: must be an integer of 64 bits, or written as a float",
        ),
        # formats
        ('dtype = "date", format = "%Y-%Q"', "columns.height.format: has %Q, which strptime does"),
        ('dtype = "date", format = "%-d"', "columns.height.format: has %-, which strptime does"),
        ('dtype = "date", format = "%Y%"', "columns.height.format: has %, which strptime does not"),
        ('dtype = "date", format = "%G"', "columns.height.format: has only a part of %G, %V and"),
        ('dtype = "date", format = "%G %V %u %Y"', "format: has %G and %V beside another year"),
        ('dtype = "date", format = "%Y%m%d%z"', "format: has %z, and a date has no offset; use"),
        ('dtype = "timestamp", format = "%H%M%S%f%Y"', "format: has %f right before other digits"),
        ('dtype = "timestamp", format = "%z:%M %Y"', "format: has %z: right before other digits"),
        ('dtype = "timestamp", format = "%Y.%f0"', "format: has %f right before other digits"),
        ('dtype = "date", format = "%Y %Y"', "format: cannot be read by strptime: redefinition"),
        (
            'dtype = "date", format = "%Y %U"',
            "format: has %U or %W, which are read in different ways",
        ),
        (
            'dtype = "timestamp", format = "%Y %z %Z"',
            "format: has %Z, and the name of a zone is",
        ),
        (
            'dtype = "date", format = "%Y %Y", missing = "constant", fill = "1"',
            "columns.height.format: cannot be read by strptime: redefinition",
        ),
        # cells are trimmed, so that these would never be found
        (
            'dtype = "bool", true = ["yes "], false = ["no"]',
            "columns.height.true: 'yes ' has white space around it, and cells are compared",
        ),
    ],
)
def test_faults_of_a_column(column: str, fault: str) -> None:
    assert fault in fault_of(COLUMN.replace("COLUMN", column))


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        # groups
        ("groups.a = ['age', 'heigt']", "groups.a: 'heigt' is no feature, did you mean height?"),
        ("groups.a = ['age']", "groups: none has height"),
        ("groups = { a = ['age', 'height'], b = ['age'] }", "groups: more than one has age"),
        ("groups.a = ['age', 'age']", "groups.a.columns: named twice: age"),
        ("groups.a = []", "groups.a.columns: Tuple should have at least 1 item"),
        ("groups.a = 'age'", "groups.a: Input should be"),
        ("groups.a = { colums = ['age'] }", "groups.a.colums: unknown key, did you mean columns?"),
        ("groups.'a b' = ['age']", "groups.a b.[key]: must be up to"),
        (
            "groups.a = { columns = ['age', 'height'], dtype = 'int16' }",
            "groups.a.dtype: 'height' is not of whole numbers",
        ),
        ("groups.a = { columns = ['age'], dtype = 'int' }", "groups.a.dtype: Input should be"),
        # targets
        ("target.column = 'heigth'", "no column 'heigth', or it is dropped, did you mean height?"),
        ("target = { column = 'age', first = 0 }", "target: first: needs classes"),
        ("targets.age = {}", "targets: one alone is written as [target], with its column"),
        ("targets = { age = {}, weight = {} }", "targets.weight: no column 'weight'"),
        ("targets = { age = {}, height = {} }", "columns: at least one must be left as a feature"),
        ("target.column = 'age'\ntargets.age = {}", "targets: needs no target beside it"),
        ("target.column = 'height'", "columns.height: a target has no key but dtype, missing as"),
        (
            "targets.age = { classes = ['1', ' 2'] }",
            "targets.age: classes: ' 2' has white space around it, which no label has",
        ),
        ("targets.age = { clases = [] }", "targets.age.clases: unknown key, did you mean classes?"),
    ],
)
def test_faults_of_groups_and_targets(more: str, fault: str) -> None:
    text = COLUMN.replace("COLUMN", 'dtype = "float64", scale = "min_max"')
    assert fault in fault_of(f"{more}\n{text}")


@pytest.mark.parametrize(
    ("column", "other", "feature"),
    [
        ('dtype = "date", parts = ["year"]', '"height.year" = { dtype = "int64" }', "height.year"),
        (
            'dtype = "str", categories = "learn", encode = "one_hot"',
            '"height=1" = { dtype = "int64" }',
            "height=1",
        ),
        (
            'dtype = "str", categories = ["1"], encode = "one_hot"',
            '"height=1" = { dtype = "float64" }\n[target]\ncolumn = "height=1"',
            "height=1",
        ),
    ],
)
def test_two_features_of_one_name(column: str, other: str, feature: str) -> None:
    text = COLUMN.replace("COLUMN", column)
    found = f"columns.{feature}: is called like a feature that height becomes"
    assert fault_of(text + other) == found
    dropped = other.partition("\n")[0].replace(" }", ", drop = true }")
    assert parse_recipe(text + dropped, where="here")


def test_names_of_tables_in_a_list_are_distinct() -> None:
    facts = parse_recipe(TABULAR, where="here").facts()
    facts["columns"].append(facts["columns"][0])
    with pytest.raises(ValidationError, match=r"columns\n.*named twice: height"):
        TabularRecipe.model_validate_json(json.dumps(facts))


def test_a_target_without_classes_is_a_number() -> None:
    text = COLUMN.replace("COLUMN", 'dtype = "str"')
    assert fault_of(f"target.column = 'height'\n{text}") == (
        "target: without classes it needs a column of int64 or float64"
    )


def test_faults_of_columns_groups_and_targets_come_together() -> None:
    text = COLUMN.replace("COLUMN", 'dtype = "str", encode = "one_hot", fill = "a"')
    found = fault_of(f"target.column = 'ages'\ngroups.a = ['age', 'hight']\n{text}")
    assert found == (
        "6 faults: target.column: no column 'ages', or it is dropped, did you mean age?; "
        "columns.height: a column of str needs a map or categories, or drop = true; "
        "columns.height.encode: needs categories; "
        'columns.height.fill: needs missing = "constant"; '
        "groups.a: 'hight' is no feature, did you mean height?; "
        "groups: none has height"
    )


def test_recipes_of_tables_survive_the_manifest() -> None:
    for text in (BIKES, TABULAR):
        recipe = parse_recipe(text, where="here")
        facts = recipe.facts()
        again = type(recipe).model_validate_json(json.dumps(facts, sort_keys=True))
        assert again == recipe
        assert again.sha256() == recipe.sha256()
    # Defaults are not written down.
    assert "groups" not in facts
    assert set(facts["columns"][0]) <= {"name", "dtype", "map", "missing"}


def test_classes_that_stand_for_numbers_may_be_any_text() -> None:
    text = change(TEXT, 'classes = ["a", "b"]', 'classes = ["a ", "b"]\nfirst = 1')
    assert parse_recipe(text, where="here")


def test_scaled_columns_are_cleaned_otherwise() -> None:
    recipes = [
        parse_recipe(COLUMN.replace("COLUMN", f'dtype = "float64"{scale}'), where="here")
        for scale in ("", ', scale = "min_max"', ', scale = "standardise"')
    ]
    plain, one, other = (recipe.clean_facts() for recipe in recipes)
    assert plain != one == other


def test_encoding_leaves_the_cleaned_rows_alone() -> None:
    bikes = parse_recipe(BIKES, where="here")
    encoded = parse_recipe(
        BIKES.replace('encode = "one_hot", ', "").replace("min_freq = 2", "max_categories = 9"),
        where="here",
    )
    assert encoded.clean_facts() == bikes.clean_facts()
    assert encoded.sha256() != bikes.sha256()
    dropped = parse_recipe(BIKES.replace('missing = "mean"', 'missing = "drop"'), where="here")
    assert dropped.clean_facts() != bikes.clean_facts()
