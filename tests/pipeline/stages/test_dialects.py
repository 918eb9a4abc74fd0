"""Builds from CSV files that are written in other ways than RFC 4180 has it."""

from pathlib import Path
from typing import Any

import pytest
from small_parts import build, cleaned, left_out

from shardmill.errors import (
    ColumnsError,
    CsvFormatError,
    FieldCountError,
    InputError,
    UnclosedQuoteError,
)

RECIPE = """
name = "toy"
kind = "tabular"
csv = { OPTIONS }
target = { column = "y", classes = ["no", "yes"] }
splits.train.csv = { path = "train.csv" OWN }
splits.test = { csv = { path = "test.csv" }, optional = true }
[columns]
n = { dtype = "int64" }
name = { dtype = "str", categories = "learn" }
y = { dtype = "str" }
"""
ROWS = [(1, "Smith, John", "no"), (2, 'the "Boss"', "yes")]

DIALECTS = [
    # keys of [csv], content
    ("", 'n,name,y\n1,"Smith, John",no\n2,"the ""Boss""",yes\n'),
    ("delimiter = '::'", 'n::name::y\n1::Smith, John::no\n2::"the ""Boss""":: yes\n'),
    ("delimiter = '¦'", 'n¦name¦y\n1¦Smith, John¦no\n2¦"the ""Boss"""¦yes\n'),
    ('delimiter = "\\u0001"', 'n\x01name\x01y\n1\x01Smith, John\x01no\n2\x01the "Boss"\x01yes\n'),
    (
        'delimiter = "whitespace"',
        ' n name\ty\n1  "Smith, John" no  \n\n   \n2 \t "the ""Boss""" yes\n',
    ),
    ('quote = "\'"', "n,name,y\n1,'Smith, John',no\n2,'the \"Boss\"',yes\n"),
    ("quote = '', delimiter = ';'", 'n;name;y\n1;Smith, John;no\n2;the "Boss";yes\n'),
    ("escape = '\\'", 'n,name,y\n1,"Smith, John",no\n2,"the \\"Boss\\"",yes\n'),
    ("escape = '\\', quote = ''", 'n,name,y\n1,Smith\\, John,no\n2,the "Boss",yes\n'),
    ("comment = '#'", '# of 2024\nn,name,y\n1,"Smith, John",no\n#2,"\n2,"the ""Boss""",yes\n# end'),
    ("skip_rows = 2", 'a "note\n\nn,name,y\n1,"Smith, John",no\n2,"the ""Boss""",yes\n'),
    ("skip_space = true", 'n, name, y\n1, "Smith, John", no\n2, "the ""Boss""", yes\n'),
    (
        "trailing_delimiter = true",
        'n,name,y,\n1,"Smith, John",no,\n2,"the ""Boss""",yes,\n',
    ),
    (
        "trailing_delimiter = true",
        'n,name,y\n1,"Smith, John",no,\n2,"the ""Boss""",yes\n',
    ),
    ("encoding = 'utf-16'", 'n,name,y\n1,"Smith, John",no\n2,"the ""Boss""",yes\n'),
    ("delimiter = ';'", 'sep=;\r\nn;name;y\r\n1;Smith, John;no\r\n2;"the ""Boss""";yes\r\n'),
    (
        "other_columns = 'ignore'",
        ',y,n,name,more,more\n0,no,1,"Smith, John",,\n1,yes,2,"the ""Boss""",a,b\n',
    ),
]


def rows_of(folder: Path, split: str = "train") -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in cleaned(folder, split).to_pylist()]


def build_of(tmp_path: Path, content: str, options: str = "", own: str = "") -> Path:
    (tmp_path / "raw").mkdir(exist_ok=True)
    encoding = "utf-16" if "utf-16" in options + own else "utf-8"
    (tmp_path / "raw/train.csv").write_bytes(content.encode(encoding))
    recipe = RECIPE.replace("OPTIONS", options).replace("OWN", own and f", {own}")
    build(recipe, tmp_path / "raw", tmp_path / "out")
    return tmp_path / "out/toy"


@pytest.mark.parametrize(("options", "content"), DIALECTS)
def test_the_same_rows_in_any_dialect(tmp_path: Path, options: str, content: str) -> None:
    expected = [(n, name, ["no", "yes"].index(y)) for n, name, y in ROWS]
    assert rows_of(build_of(tmp_path, content, options)) == expected
    if "other_columns" not in options:  # which is no key of a file
        again = tmp_path / "own"
        again.mkdir()
        assert rows_of(build_of(again, content, own=options)) == expected


def test_files_of_one_recipe_in_two_dialects(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/test.csv").write_text("n,name,y\n3,x,no\n")
    folder = build_of(
        tmp_path, "| a note\n1;x;yes\n", own="delimiter = ';', comment = '|', header = false"
    )
    assert rows_of(folder) == [(1, "x", 1)]
    assert rows_of(folder, "test") == [(3, "x", 0)]


def test_a_quote_that_is_not_closed_costs_its_line(tmp_path: Path) -> None:
    content = 'n,name,y\n1,"Smith,no\n2,x,yes\n3,"a, b",no\n4,"y\n5,z,no\n'
    folder = build_of(tmp_path, content, "on_bad_row = 'quarantine', max_bad_rows = 0.5")
    assert [row[0] for row in rows_of(folder)] == [2, 3, 5]
    assert [(row["line"], row["reason"], row["text"]) for row in left_out(folder).to_pylist()] == [
        (2, "quotes", '1,"Smith,no'),
        (5, "quotes", '4,"y'),
    ]


FAULTS = [
    # content, keys, error, what its message says
    ("n,name,y\n1,x,no,\n", "", FieldCountError, "line 2: .* set csv.trailing_delimiter = true"),
    ("n,name,y\n# a note\n1,x,no\n", "", FieldCountError, 'line 2: .* set csv.comment = "#"'),
    ('n,name,y\n1,"a \\"b, c\\"",no\n', "", UnclosedQuoteError, r'set csv.escape = "\\\\" in'),
    ('n,name,y\n1, "b, c",no\n', "", FieldCountError, "set csv.skip_space = true"),
    ("n, name, y\n1,x,no\n", "", ColumnsError, "set csv.skip_space = true"),
    ("n   name y\n1   x    no\n", "", ColumnsError, 'set csv.delimiter = "whitespace"'),
    ("n,name,y\n1,'b, c',no\n", "", FieldCountError, 'set csv.quote = "\'" in the recipe'),
    ("n,name,y\n1,b\\, c,no\n", "", FieldCountError, r'set csv.escape = "\\\\" in the recipe'),
    ("|a note\n1,x,no\n", "header = false", FieldCountError, "set csv.skip_rows = 1 in"),
    ("n,name,y\n1,b, c,no\n", "", FieldCountError, "a delimiter inside a field needs quotes"),
    ("# a note\nn,name,y\n1,x,no\n", "", ColumnsError, 'line 1: .* set csv.comment = "#"'),
    ("n;name;y\n1;x;no\n", "", ColumnsError, 'set csv.delimiter = ";" in the recipe'),
    ("n\tname\ty\n1\tx\tno\n", "", ColumnsError, r'set csv.delimiter = "\\t" in the recipe'),
    ("1,x,no\n2,y,no\n", "", ColumnsError, "set csv.header = false"),
    (",n,name,y\n0,1,x,no\n", "", ColumnsError, 'one without a name is called "".*other_columns'),
    ("n,name,y,z\n1,x,no,5\n", "", ColumnsError, "with 'z' besides; .*csv.other_columns = "),
    (
        "n,name,name,y\n1,x,x,no\n",
        "",
        ColumnsError,
        "with 'name' more than once; correct the header",
    ),
    ("n,name\n1,x\n", "", ColumnsError, "without y"),
    ("sep=;\nn;name;y\n1;x;no\n", "", CsvFormatError, 'found sep=;; set csv.delimiter = ";"'),
    ('n,name,y\n1,"x,no\n', "", InputError, 'line 2: .*csv.quote = "" in the recipe if quotes'),
]


@pytest.mark.parametrize(("content", "options", "error", "message"), FAULTS)
def test_the_key_that_would_accept_a_file(
    tmp_path: Path, content: str, options: str, error: type[InputError], message: str
) -> None:
    with pytest.raises(error, match=message):
        build_of(tmp_path, content, options)
