"""A note where quotes that are text have most likely joined rows, and none elsewhere."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from small_parts import build

from shardmill.raw.work_sizes import DEFAULT_SIZES, WorkSizes

TEXTS = r"""
name = "t"
kind = "text"
csv = { header = false, delimiter = "\t" }
target = { column = "label", classes = ["0", "1"] }
splits.train.csv.path = "t.csv"
[text]
columns = ["label", "text"]
join = ["text"]
"""
TABLE = """
name = "t"
kind = "tabular"
csv.header = false
target = { column = "y", classes = ["no", "yes"] }
splits.train.csv.path = "t.csv"
[columns]
c = { dtype = "str", categories = "learn" }
y = { dtype = "str" }
n = { dtype = "int64" }
"""
SMALL = WorkSizes(chunk_bytes=60, smallest_part_bytes=150)


def notes(folder: Path, recipe: str, content: str, sizes: WorkSizes = DEFAULT_SIZES) -> list[str]:
    (folder / "t.csv").write_text(content, newline="")
    outcome = build(recipe, folder, folder / "out", sizes=sizes)
    return [note for note in outcome.notes if "quotes" in note]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_quotation_over_two_rows(tmp_path: Path, end: str) -> None:
    rows = ["0\tplain", '0\t"This is great.', '1\tI loved it."', "0\tplain", ""]
    assert notes(tmp_path, TEXTS, end.join(rows)) == [
        f"1 row of train holds 2 lines in quotes that would each be a row, the first: "
        f"{tmp_path / 't.csv'}, line 2; if quotes are text in this file, "
        f'set csv.quote = "" in the recipe'
    ]
    texts = TEXTS.replace("header", 'quote = "", header')
    assert notes(tmp_path, texts, end.join(rows)) == []


def test_in_several_parts(tmp_path: Path) -> None:
    rows = ["0\tplain text", '0\t"This is great.', "1\tReally.", '1\tI loved it."'] * 40
    (note,) = notes(tmp_path, TEXTS, "\n".join(rows), SMALL)
    found = note.split()
    count = int(found[0])
    assert 1 < count <= 40
    assert note.startswith(f"{count} rows of train hold {3 * count} lines in quotes")
    assert f"{tmp_path / 't.csv'}, line 2; " in note


def test_a_quotation_that_begins_in_the_first_column(tmp_path: Path) -> None:
    rows = '"a,yes,1\nb",no,2\nc,no,3\n'
    assert notes(tmp_path, TABLE, rows) == [
        f"1 row of train holds 2 lines in quotes that would each be a row, the first: "
        f"{tmp_path / 't.csv'}, line 1; if quotes are text in this file, "
        f'set csv.quote = "" in the recipe'
    ]


@pytest.mark.parametrize(
    "content",
    [
        # no class, no class that is known, other delimiters, blank lines, one line
        '0\t"This is great.\nI loved it."\n1\tb\n',
        '0\t"This is great.\n2\tI loved it."\n1\tb\n',
        '0\t"This is great.\n1\tI\tloved it."\n1\tb\n',
        '0\t"This is great.\n\n1\tI loved it."\n1\tb\n',
        '\n\n0\t"This is great."\n\n1\t"I loved it."\n\n',
        '0\t"1\t1"\n\n1\tb',
    ],
)
def test_ordinary_texts_of_several_lines(tmp_path: Path, content: str) -> None:
    assert notes(tmp_path, TEXTS, content) == []


def test_without_classes(tmp_path: Path) -> None:
    recipe = TEXTS.replace("target", "# target")
    assert notes(tmp_path, recipe, '0\t"This is great.\n1\tI loved it."\n') == []


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(st.text("a b,.\t\"'\n-", max_size=9), min_size=1, max_size=3), max_size=4))
def test_texts_without_digits_have_no_note(tmp_path: Path, texts: list[list[str]]) -> None:
    rows = [f"{n % 2}\t" + '"' + "\n".join(t).replace('"', '""') + '"' for n, t in enumerate(texts)]
    assert notes(tmp_path, TEXTS, "\n".join([*rows, "1\tx\n"])) == []
