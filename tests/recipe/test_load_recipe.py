"""Recipes: what the shipped ones state, and how the faults of a user's one are told."""

import json
import re
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest
from bikes import BIKES
from pydantic import ValidationError

from shardmill.errors import RecipeError
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.load_recipe import (
    load_recipe,
    parse_recipe,
    shipped_recipe_text,
    shipped_recipes,
)
from shardmill.recipe.tables import HoldOut
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe

TABULAR = """
name = "trees"
kind = "tabular"
[columns]
height = { dtype = "float64", missing = "mean" }
kind = { dtype = "str", map = { oak = 0, fir = 1 } }
old = { dtype = "int64" }
[target]
column = "old"
classes = ["no", "yes"]
first = 0
[splits.train.csv]
path = "trees/train.csv"
"""
TEXT = """
name = "notes"
kind = "text"
[text]
columns = ["class", "title", "body"]
join = ["title", "body"]
[target]
column = "class"
classes = ["a", "b"]
[splits.train.csv]
path = "notes.csv"
"""
IMAGE = """
name = "leaves"
kind = "image"
[target]
classes = ["oak", "fir"]
[splits.train]
images = { path = "images" }
labels = { path = "labels" }
"""


def test_shipped_recipes() -> None:
    assert shipped_recipes() == ("ag_news", "mnist", "titanic")
    for name in shipped_recipes():
        recipe = load_recipe(name)
        assert recipe.name == name
        facts = tomllib.loads(shipped_recipe_text(name))
        for split, table in facts["splits"].items():
            assert recipe.splits[split].optional == table.get("optional", False)
        for file in (f for split in recipe.splits.values() for f in split.files()):
            assert file.path.startswith(f"{name}/")
            assert all(url.startswith("https://") for url in file.urls)
            assert bool(file.urls) == bool(file.checksum) == bool(file.rows)


def test_titanic() -> None:
    recipe = load_recipe("titanic")
    assert isinstance(recipe, TabularRecipe)
    assert [n for n, c in recipe.columns.items() if c.drop] == [
        "PassengerId",
        "Name",
        "Ticket",
        "Cabin",
    ]
    assert recipe.features() == ("Pclass", "Sex", "Age", "SibSp", "Parch", "Fare", "Embarked")
    assert recipe.columns["Sex"].map == {"male": 0, "female": 1}
    assert recipe.columns["Embarked"].map == {"S": 0, "C": 1, "Q": 2}
    missing = {name: recipe.columns[name].missing for name in recipe.features()}
    assert {name: m for name, m in missing.items() if m != "error"} == {
        "Age": "median",
        "Fare": "median",
        "Embarked": "mode",
    }
    assert recipe.target is not None
    assert (recipe.target.column, recipe.target.first) == ("Survived", 0)
    assert recipe.target.classes == ("Dead", "Survived")
    assert list(recipe.source_splits()) == ["train", "test"]
    assert recipe.splits["validation"].hold_out == HoldOut(split="train", fraction=0.2)
    assert (recipe.splits["test"].optional, recipe.splits["test"].labelled) == (True, False)
    assert [f.rows for f in recipe.splits["train"].files()] == [891]


def test_mnist() -> None:
    recipe = load_recipe("mnist")
    assert isinstance(recipe, ImageRecipe)
    assert recipe.target is not None
    assert recipe.target.classes == tuple("0123456789")
    assert recipe.target.first == 0
    rows = {name: [f.rows for f in s.files()] for name, s in recipe.source_splits().items()}
    assert rows == {"train": [60_000, 60_000], "test": [10_000, 10_000]}
    assert recipe.splits["validation"].hold_out == HoldOut(split="train", fraction=0.1)


def test_ag_news() -> None:
    recipe = load_recipe("ag_news")
    assert isinstance(recipe, TextRecipe)
    assert recipe.target is not None
    assert recipe.target.column == "class"
    assert recipe.target.classes == ("World", "Sports", "Business", "Sci/Tech")
    assert recipe.target.first == 1
    assert not recipe.csv.header
    assert recipe.text.join == ("title", "description")
    assert recipe.text.clean == ("alphanumeric", "lowercase")
    assert recipe.text.tokenizer == "basic_english"
    assert recipe.vocabulary.specials == ("<unk>", "<pad>")
    assert {name: s.files()[0].rows for name, s in recipe.splits.items()} == {
        "train": 120_000,
        "test": 7_600,
    }


@pytest.mark.parametrize("text", [TABULAR, TEXT, IMAGE])
def test_templates_of_this_file_are_valid(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    recipe = load_recipe(str(path))
    assert recipe == parse_recipe(text, where="here")
    assert f'kind = "{recipe.kind}"' in text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("titanc", "did you mean titanic?"),
        ("agnews", "did you mean ag_news?"),
        ("MNIST.tml", "check the name"),
        ("", "check the name"),
    ],
)
def test_unknown_name_suggests_the_closest(name: str, hint: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(name)
    assert str(caught.value) == (
        f"recipe {name!r}: expected one of ag_news, mnist, titanic, "
        f"or a path that ends in .toml, found neither; {hint}"
    )


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    match = re.escape(f"{path}: expected a readable TOML file, found [Errno 2] No such file")
    with pytest.raises(RecipeError, match=match):
        load_recipe(str(path))


def test_file_that_is_a_folder_or_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes('name = "é"'.encode("latin-1"))
    for name, found in (("folder", "Is a directory"), ("latin", "can't decode byte")):
        with pytest.raises(RecipeError, match=f"{name}.toml: expected a readable.*{found}"):
            load_recipe(str(tmp_path / f"{name}.toml"))


def fault_of(text: str) -> str:
    """Return `found` of the error that `text` gives."""
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, where="r.toml")
    assert str(caught.value).startswith("r.toml: ")
    assert caught.value.fix == "correct the recipe; `shardmill recipe titanic` prints a working one"
    return caught.value.found


def change(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_all_faults_at_once_each_with_its_path() -> None:
    text = change(TABULAR, 'dtype = "float64"', 'dtipe = "float64"')
    text = change(text, "first = 0", 'first = "0"')
    text = change(text, "trees/train.csv", "../train.csv")
    assert fault_of(text + "rows = 0") == (
        "5 faults: "
        "splits.train.csv.path: must be a relative path with forward slashes, below the raw "
        "folder, found '../train.csv'; "
        "splits.train.csv.rows: Input should be greater than or equal to 1, found 0; "
        "columns.height.dtype: missing; "
        "columns.height.dtipe: unknown key, did you mean dtype?; "
        "target.first: Input should be a valid integer, found '0'"
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        # unknown keys, at every depth, with the closest known one
        ('name = "trees"', 'nam = "trees"', "nam: unknown key, did you mean name?"),
        ("[target]", "[tagret]", "tagret: unknown key, did you mean target?"),
        ("missing =", "mising =", "columns.height.mising: unknown key, did you mean missing?"),
        ("path =", "paht =", "splits.train.csv.paht: unknown key, did you mean path?"),
        ("train.csv]", "train.cvs]", "splits.train.cvs: unknown key, did you mean csv?"),
        # and all of them where none is close
        ("first =", "zzz =", "target.zzz: unknown key, known here: classes, column, first"),
        # a key of another kind of recipe
        ("[target]", "[text]\n[target]", "text: unknown key, did you mean"),
        # missing keys
        ('name = "trees"', "", "name: missing"),
        ('column = "old"', "", "target.column: missing"),
        ('path = "trees/train.csv"', "", "splits.train.csv.path: missing"),
        # wrong types are not converted
        ('name = "trees"', "name = 1", "name: Input should be a valid string, found 1"),
        ("first = 0", "first = 0.0", "target.first: Input should be a valid integer, found 0.0"),
        ("first = 0", "first = true", "target.first: Input should be a valid integer, found True"),
        ("oak = 0", 'oak = "0"', "columns.kind.map.oak: Input should be a valid integer"),
        ('"no", "yes"', "0, 1", "target.classes.0: Input should be a valid string, found 0"),
        ('["no", "yes"]', '"no"', "target.classes: Input should be a valid array, found 'no'"),
        # values outside what is known
        ('name = "trees"', 'name = "a b"', "name: String should match pattern"),
        ('name = "trees"', 'name = "../x"', "name: String should match pattern"),
        ('"float64"', '"float"', "columns.height.dtype: Input should be 'int64', 'float64', 'str'"),
        ('"mean"', '"zero"', "columns.height.missing: Input should be 'error', 'drop', 'keep'"),
        # classes
        ('"no", "yes"', '"no", "no"', "target.classes: named twice: no"),
        ('["no", "yes"]', "[]", "target.classes: Tuple should have at least 1 item"),
        # columns that do not fit together
        ('column = "old"', 'column = "age"', "target.column: no column 'age', or it is dropped"),
        (
            ", map = { oak = 0, fir = 1 }",
            "",
            "columns.kind: a column of str needs a map or categories, or drop = true",
        ),
        (
            "fir = 1 } }",
            'fir = 1 }, missing = "median" }',
            "columns.kind.missing: strings have no median",
        ),
        ('"int64" }', '"int64", drop = true, map = 1 }', "columns.old.map: Input should be"),
        ('"float64",', '"float64", map = { x = 1 },', "columns.height.map: needs dtype str"),
        (
            '"float64",',
            '"float64", map = {},',
            "columns.height.map: Dictionary should have at least",
        ),
        # a split that no statistics can come from
        ("splits.train", "splits.tran", "splits: a split called train is needed"),
        ("train.csv]", "'two words'.csv]", "splits.two words.[key]: String should match"),
    ],
)
def test_faults_of_a_tabular_recipe(old: str, new: str, fault: str) -> None:
    assert fault in fault_of(change(TABULAR, old, new))


@pytest.mark.parametrize("path", ["../x.csv", "a/../../x.csv", "/x.csv", "a\\x.csv", "C:/x.csv"])
def test_paths_outside_the_raw_folder(path: str) -> None:
    text = change(TABULAR, '"trees/train.csv"', f"'{path}'")
    assert fault_of(text) == (
        "splits.train.csv.path: must be a relative path with forward slashes, "
        f"below the raw folder, found {path!r}"
    )


@pytest.mark.parametrize(
    ("files", "paths"),
    [
        ("{ path = 'a.csv' }", ["a.csv"]),
        ("{ path = 'logs/*.csv.gz' }", ["logs/*.csv.gz"]),
        ("[{ path = 'a.csv' }]", ["a.csv"]),
        ("[{ path = 'b.csv', rows = 3 }, { path = 'logs/?.csv' }]", ["b.csv", "logs/?.csv"]),
    ],
)
def test_files_of_a_split(files: str, paths: list[str]) -> None:
    recipe = parse_recipe(several_files(files), where="here")
    assert [file.path for file in recipe.splits["train"].files()] == paths
    assert type(recipe).model_validate_json(json.dumps(recipe.facts())) == recipe


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ("[]", "splits.train.csv: Tuple should have at least 1 item"),
        ("3", "splits.train.csv: must be a table, or a list of tables, found 3"),
        ("'a.csv'", "splits.train.csv: must be a table, or a list of tables, found 'a.csv'"),
        ("[{ path = 'a' }, { paht = 'b' }]", "splits.train.csv.1.paht: unknown key, did you mean"),
        ("[{ path = 'a' }, { path = '../b' }]", "splits.train.csv.1.path: must be a relative"),
        ("[{ path = 'a' }, { path = 'a' }]", "splits.train.csv: named twice: a"),
        ("{ path = '*/a' }", "splits.train.csv.path: may have * and ? in its last part alone"),
        ("{ path = '*', rows = 3 }", "splits.train.csv: a path with * or ? has no urls, checksum"),
    ],
)
def test_faults_of_the_files_of_a_split(files: str, fault: str) -> None:
    assert fault in fault_of(several_files(files))


def several_files(files: str) -> str:
    old = '[splits.train.csv]\npath = "trees/train.csv"'
    return change(TABULAR, old, f"[splits.train]\ncsv = {files}")


def test_images_are_one_file() -> None:
    text = change(IMAGE, '"images"', '"images-*"')
    assert fault_of(text) == "splits.train.images: must be one file, without * or ?"


def test_csv_options() -> None:
    options = "[csv]\nencoding = 'LATIN-1'\non_bad_row = 'quarantine'\nmax_bad_rows = 0\n"
    recipe = parse_recipe(TABULAR + options, where="here")
    assert isinstance(recipe, TabularRecipe)
    assert (recipe.csv.encoding, recipe.csv.on_bad_row) == ("iso8859-1", "quarantine")
    assert recipe.csv.max_bad_rows == 0
    assert type(recipe).model_validate_json(json.dumps(recipe.facts())) == recipe


def test_csv_options_that_are_not_set_leave_the_hash_alone() -> None:
    plain = parse_recipe(TABULAR, where="here")
    stated = parse_recipe(TABULAR + "[csv]\nencoding = 'utf8'\n", where="here")
    other = parse_recipe(TABULAR + "[csv]\nencoding = 'utf-16'\n", where="here")
    assert "csv" not in plain.clean_facts()
    assert plain.sha256() == stated.sha256() != other.sha256()


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
        ('dtype = "date", format = "%G"', "format: cannot be read by strptime: ISO year directive"),
        ('dtype = "date", format = "%Y %Y"', "format: cannot be read by strptime: redefinition"),
        ('dtype = "date", format = "%Y %U"', "format: has the number of a week without"),
        ('dtype = "timestamp", format = "%Y %z %Z"', "columns.height.format: has both %z and %Z"),
        (
            'dtype = "date", format = "%Y %Y", missing = "constant", fill = "1"',
            "columns.height.format: cannot be read by strptime: redefinition",
        ),
        # cells are trimmed, so that these would never be found
        (
            'dtype = "bool", true = ["yes "], false = ["no"]',
            "columns.height: 'yes ' has white space around it, which is cut off bools",
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
        ("groups.'a b' = ['age']", "groups.a b.[key]: String should match"),
        (
            "groups.a = { columns = ['age', 'height'], dtype = 'int16' }",
            "groups.a.dtype: 'height' is not of whole numbers",
        ),
        ("groups.a = { columns = ['age'], dtype = 'int' }", "groups.a.dtype: Input should be"),
        # targets
        ("target.column = 'heigth'", "no column 'heigth', or it is dropped, did you mean height?"),
        ("target = { column = 'age', first = 0 }", "target.first: needs classes"),
        ("targets.age = {}", "targets: one alone is written as [target], with its column"),
        ("targets = { age = {}, weight = {} }", "targets.weight: no column 'weight'"),
        ("targets = { age = {}, height = {} }", "columns: at least one must be left as a feature"),
        ("target.column = 'age'\ntargets.age = {}", "targets: needs no target beside it"),
        ("target.column = 'height'", "columns.height: a target has no key but dtype, and missing"),
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
        "target.column: no column 'ages', or it is dropped, did you mean age?; "
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


HOLD_OUT = "\n[splits.validation]\nhold_out = { split = 'train', fraction = 0.25 }\n"


@pytest.mark.parametrize(
    ("split", "fault"),
    [
        # no rows from anywhere
        ("[splits.test]", "splits.test: needs csv, or hold_out; has none of them"),
        # files of another kind
        (
            "[splits.test]\nimages = { path = 'a' }",
            "splits.test: needs csv, or hold_out; has images",
        ),
        # hold_out of a split that is not there, of itself, of one that is held out
        (
            change(HOLD_OUT, "'train'", "'tran'"),
            "splits.validation.hold_out: needs a split with files of its own",
        ),
        (
            change(HOLD_OUT, "'train'", "'validation'"),
            "splits.validation.hold_out: needs a split with files of its own",
        ),
        (
            HOLD_OUT + change(HOLD_OUT, ".validation", ".test").replace("'train'", "'validation'"),
            "splits.test.hold_out: needs a split with files of its own",
        ),
        # hold_out beside a file
        (HOLD_OUT + "csv = { path = 'a' }", "splits.validation.hold_out: needs a split with files"),
        # what is said of the split that they are of
        *[
            (HOLD_OUT + said, "splits.validation: optional and labelled are said of the split")
            for said in ("optional = true", "labelled = false")
        ],
        # one file with two contents
        (
            f"[splits.test.csv]\npath = 'trees/train.csv'\nchecksum = 'md5:{'0' * 32}'",
            "splits: trees/train.csv has other urls, checksum or rows in another split",
        ),
        # fractions
        (HOLD_OUT.replace("0.25", "0.6"), "hold_out.fraction: Input should be less than or equal"),
        (HOLD_OUT.replace("0.25", "0.0"), "hold_out.fraction: Input should be greater than or"),
        (HOLD_OUT.replace("0.25", "nan"), "hold_out.fraction: Input should be"),
        (HOLD_OUT.replace("0.25", "0.25, seed = -1"), "hold_out.seed: Input should be greater"),
        # facts about the file
        ("checksum = 'sha256:12'", "splits.train.csv.checksum: String should match pattern"),
        (f"checksum = 'md5:{'A' * 32}'", "splits.train.csv.checksum: String should match pattern"),
        # how the file is written
        ("[csv]\ndelimiter = ',,'", "csv.delimiter: String should match pattern"),
        ("[csv]\ndelimiter = 'é'", "csv.delimiter: String should match pattern"),
        (
            "[csv]\nencoding = 'utf-9'",
            "csv.encoding: must be an encoding of text that Python knows",
        ),
        ("[csv]\nencoding = 'rot13'", "csv.encoding: must be an encoding of text that Python"),
        ("[csv]\nencoding = ''", "csv.encoding: must be an encoding of text that Python knows"),
        ("[csv]\non_bad_row = 'drop'", "csv.on_bad_row: Input should be 'fail' or 'quarantine'"),
        ("[csv]\nmax_bad_rows = 0.5", 'csv: max_bad_rows: needs on_bad_row = "quarantine"'),
        ("[csv]\nmax_bad_rows = 1.5", "csv.max_bad_rows: Input should be less than or equal to 1"),
    ],
)
def test_faults_of_splits_and_files(split: str, fault: str) -> None:
    assert fault in fault_of(TABULAR + split)


def test_hold_out() -> None:
    split = parse_recipe(TABULAR + HOLD_OUT, where="here").splits["validation"]
    assert split.files() == ()
    assert split.hold_out is not None
    assert split.hold_out.ratio() == Fraction(1, 4)


@pytest.mark.parametrize(
    ("fraction", "ratio"),
    # the floats are not exact, the fractions are, with a denominator of at most 1,000
    [
        (0.1, Fraction(1, 10)),
        (1 / 3, Fraction(1, 3)),
        (0.33333, Fraction(1, 3)),
        (0.001, Fraction(1, 1000)),
    ],
)
def test_ratio_is_the_fraction_that_was_meant(fraction: float, ratio: Fraction) -> None:
    assert HoldOut(split="train", fraction=fraction).ratio() == ratio


@pytest.mark.parametrize(
    ("vocabulary", "fault"),
    [
        ("specials = ['<pad>']", "vocabulary: unknown: '<unk>' is not one of the specials"),
        ("padding = '[PAD]'", "vocabulary: padding: '[PAD]' is not one of the specials"),
        ("specials = ['<unk>', '<pad>', '']", "vocabulary: specials: must not be empty or hold"),
        ('specials = ["<unk>", "<pad>", "a\\nb"]', "vocabulary: specials: must not be empty or"),
        ("specials = ['<unk>', '<unk>']", "vocabulary.specials: named twice: <unk>"),
        ("max_tokens = 2", "vocabulary: max_tokens: leaves no room beside the specials"),
        ("max_tokens = 0", "vocabulary.max_tokens: Input should be greater than or equal to 1"),
        ("min_freq = 0", "vocabulary.min_freq: Input should be greater than or equal to 1"),
        ("order = 'random'", "vocabulary.order: Input should be 'frequency' or 'first_seen'"),
        ("min_frequency = 2", "vocabulary.min_frequency: unknown key, did you mean min_freq?"),
    ],
)
def test_faults_of_a_vocabulary(vocabulary: str, fault: str) -> None:
    assert fault in fault_of(f"{TEXT}[vocabulary]\n{vocabulary}")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('column = "class"', 'column = "klass"', "text.columns: does not name klass"),
        ('join = ["title"', 'join = ["titel"', "text.columns: does not name titel"),
        ('join = ["title"', 'join = ["class"', "text.join: holds class, which is the target"),
        (
            'classes = ["a", "b"]',
            'classes = ["a", "b "]',
            "target: classes: 'b ' has white space around it, which no label has",
        ),
        ('join = ["title", "body"]', "join = []", "text.join: Tuple should have at least 1 item"),
        ('["class", "title"', '["title", "title"', "text.columns: named twice: title"),
        (
            "join",
            "clean = ['upper']\njoin",
            "text.clean.0: Input should be 'html', 'alphanumeric' or 'lowercase'",
        ),
        ("join", "tokenizer = 'bpe'\njoin", "text.tokenizer: Input should be 'basic_english' or"),
    ],
)
def test_faults_of_a_text_recipe(old: str, new: str, fault: str) -> None:
    assert fault in fault_of(change(TEXT, old, new))


def test_image_split_needs_labels_unless_it_has_none() -> None:
    labels = 'labels = { path = "labels" }'
    fault = "splits.train: needs images and labels, or hold_out; has images"
    assert fault_of(change(IMAGE, labels, "")) == fault
    assert parse_recipe(change(IMAGE, labels, "labelled = false"), where="here")
    fault = "splits.train: needs images, or hold_out; has images and labels"
    assert fault_of(IMAGE + "labelled = false") == fault


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name = 'a'", "nothing"),
        ("kind = 'tables'", "'tables'"),
        ("kind = 1", "1"),
        ("kind = ['text']", r"\['text'\]"),
    ],
)
def test_unknown_kind(text: str, found: str) -> None:
    match = rf"^r.toml: kind: expected one of tabular, image, text, found {found}; correct"
    with pytest.raises(RecipeError, match=match):
        parse_recipe(text, where="r.toml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x =\n", 1),
        ("[a\n", 1),
        # a key twice
        ("a = 1\na = 2\n", 2),
        ("a = 1\nkind = text\n", 2),
        ("\0", 1),
    ],
)
def test_invalid_toml(text: str, line: int) -> None:
    with pytest.raises(RecipeError, match=rf"^r.toml: expected valid TOML, found .*line {line}, "):
        parse_recipe(text, where="r.toml")


def keys(recipe: AnyRecipe) -> set[str]:
    return set(recipe.clean_facts())


def test_hash_follows_the_facts_and_the_order_of_columns() -> None:
    recipe = parse_recipe(TABULAR, where="here")
    assert re.fullmatch("[0-9a-f]{64}", recipe.sha256())
    commented = parse_recipe("# trees\n" + TABULAR, where="there")
    assert commented.sha256() == recipe.sha256()
    line = 'height = { dtype = "float64", missing = "mean" }\n'
    turned = change(change(TABULAR, line, ""), "[target]", f"{line}[target]")
    assert parse_recipe(turned, where="here").sha256() != recipe.sha256()


def test_clean_facts_leave_out_what_only_shards_depend_on() -> None:
    assert "description" not in keys(parse_recipe(TABULAR, where="here"))
    text = parse_recipe(TEXT, where="here")
    assert {"description", "vocabulary"} & keys(text) == set()
    other = parse_recipe(f"{TEXT}[vocabulary]\nmin_freq = 2", where="here")
    assert other.clean_facts() == text.clean_facts()
    assert other.sha256() != text.sha256()
