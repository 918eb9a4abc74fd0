"""Faults of recipes, each with its path."""

import json

import pytest
from recipe_texts import IMAGE, TABULAR, TEXT, change, fault_of

from shardmill.recipe.load_recipe import (
    parse_recipe,
)
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe


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
        (
            "first =",
            "zzz =",
            "target.zzz: unknown key, known here: classes, column, columns, first, separator",
        ),
        # a key of another kind of recipe
        ("[target]", "[text]\n[target]", 'text: needs a column of dtype = "text"'),
        # missing keys
        ('name = "trees"', "", "name: missing"),
        ('column = "old"', "", "target: column: missing, or columns if each class has one"),
        ('path = "trees/train.csv"', "", "splits.train.csv.path: missing"),
        # wrong types are not converted
        ('name = "trees"', "name = 1", "name: Input should be a valid string, found 1"),
        ("first = 0", "first = 0.0", "target.first: Input should be a valid integer, found 0.0"),
        ("first = 0", "first = true", "target.first: Input should be a valid integer, found True"),
        ("oak = 0", 'oak = "0"', "columns.kind.map.oak: Input should be a valid integer"),
        ('"no", "yes"', "0, 1", 'target.classes: must be "learn" or a list of texts'),
        ('["no", "yes"]', '"no"', 'target.classes: must be "learn" or a list of texts'),
        # values outside what is known
        ('name = "trees"', 'name = "a b"', "name: must be up to 64"),
        ('name = "trees"', 'name = "../x"', "name: must be up to 64"),
        ('"float64"', '"float"', "columns.height.dtype: Input should be 'int64', 'float64', 'str'"),
        ('"mean"', '"zero"', "columns.height.missing: Input should be 'error', 'drop', 'keep'"),
        # classes
        ('"no", "yes"', '"no", "no"', "target.classes: named twice: no"),
        ('["no", "yes"]', "[]", 'target.classes: must be "learn" or a list of texts'),
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
        ("train.csv]", "'two words'.csv]", "splits.two words.[key]: must be up to"),
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


JOIN = 'join = ["title", "body"]\n'


@pytest.mark.parametrize(
    ("join", "groups", "fault"),
    [
        ("", "", "text.join: missing; it names the columns of the text (several texts are groups)"),
        ("", 'a = ["title", "titel"]', "text.columns: does not name titel"),
        ("", 'a = ["class"]\nb = ["title"]', "groups.a: holds class, which is the target"),
        (
            JOIN,
            'a = ["title"]',
            "text.join: the groups say which columns make up the texts, so leave it out",
        ),
        (
            "",
            'label = ["title"]',
            "groups.label: is what the cleaned rows call their target, so name it otherwise",
        ),
    ],
)
def test_texts_of_a_row(join: str, groups: str, fault: str) -> None:
    table = f"[groups]\n{groups}\n[target]" if groups else "[target]"
    assert fault_of(change(change(TEXT, JOIN, join), "[target]", table)) == fault


def test_the_order_of_texts_is_kept() -> None:
    groups = '[groups]\nz = ["body"]\na = { columns = ["title"] }\n[target]'
    recipe = parse_recipe(change(change(TEXT, JOIN, ""), "[target]", groups), where="test")
    assert isinstance(recipe, TextRecipe)
    assert recipe.texts() == {"z": ("body",), "a": ("title",)}
    saved = json.dumps(recipe.facts(), sort_keys=True)
    again = TextRecipe.model_validate_json(saved)
    assert list(again.groups) == ["z", "a"]
    assert again == recipe
    assert "groups" not in parse_recipe(TEXT, where="test").facts()


@pytest.mark.parametrize(
    ("column", "rest", "fault"),
    [
        (
            'dtype = "text", scale = "min_max", strip = false',
            "",
            "columns.note: a text has no key but dtype and drop, unlike scale, strip",
        ),
        (
            'dtype = "text"',
            '[groups]\na = ["height", "kind", "note"]',
            "groups.a: 'note' is a text, which is a field of its own",
        ),
        (
            'dtype = "text"',
            '[groups]\nnote = ["height", "kind"]',
            "columns.note: a text may not be called like a group of features",
        ),
        (
            'dtype = "text", drop = true',
            "[vocabulary]",
            'vocabulary: needs a column of dtype = "text"',
        ),
        (
            'dtype = "text"',
            'vocabulary.from = "other"',
            "vocabulary.from: is for recipes of texts; a table learns its tokens",
        ),
        (
            'dtype = "text"',
            'text.tokenizer_file.path = "t.json"',
            "text.tokenizer_file: is for recipes of texts; a table learns its tokens",
        ),
        (
            'dtype = "text"',
            'text.tokenizer = "bpe"',
            "vocabulary.max_tokens: bpe needs to know how many tokens to learn, such as 8000",
        ),
    ],
)
def test_texts_of_a_table(column: str, rest: str, fault: str) -> None:
    text = change(TABULAR, "[target]", f"note = {{ {column} }}\n[target]")
    key = "[target]" if rest.startswith("[") else '\nname = "trees"'
    assert fault_of(change(text, key, f"{rest}\n{key}")) == fault


def test_a_table_of_texts_alone() -> None:
    lines = [line for line in TABULAR.splitlines() if not line.startswith(("height", "kind = {"))]
    text = change("\n".join(lines), "[target]", 'note = { dtype = "text" }\n[target]')
    assert fault_of(text) == (
        "columns: at least one must be left as a feature, beside texts; texts alone are a recipe "
        'of kind = "text"'
    )
    target = change(TABULAR, 'column = "old"', 'column = "note"')
    assert "target.column" in fault_of(
        change(target, "[target]", 'note = { dtype = "text", drop = true }\n[target]')
    )
