"""Arrays of texts are cleaned exactly as plain definitions do it row by row."""

import pyarrow as pa
import pytest
from hypothesis import example, given, strategies as st
from text_strategies import CODE_POINTS, clean_row, cuts, html_texts, laws, slices, text_lists

from shardmill.text.clean_text import clean_texts

STEPS: list[tuple[str, ...]] = [
    (),
    ("alphanumeric",),
    ("lowercase",),
    ("html",),
    ("alphanumeric", "lowercase"),
    ("lowercase", "alphanumeric"),
    ("html", "alphanumeric", "lowercase"),
    ("lowercase", "html"),
    ("html", "html"),
    ("nfc",),
    ("words",),
    ("nfc", "words", "lowercase"),
    ("lowercase", "words", "nfc"),
    ("newlines",),
    ("html", "newlines", "alphanumeric", "lowercase"),
]


@laws
@given(text_lists | st.lists(html_texts, max_size=8), st.sampled_from(STEPS), cuts, cuts)
@example(["a", "é", "B_"], ("alphanumeric", "lowercase"), 1, 2)
@example(["Ω\nΣ", "İİ", "Σ", "ΩΣ", "Ω"], ("lowercase",), 0, 5)
def test_clean_texts_is_clean_row(
    rows: list[str], steps: tuple[str, ...], start: int, length: int
) -> None:
    for array in slices(rows, start, length):
        cleaned = clean_texts(array, steps)
        assert cleaned.type == pa.string()
        assert cleaned.to_pylist() == [clean_row(row, steps) for row in array.to_pylist()]
        cleaned.validate(full=True)


ROWS = ["First, &lt;row&gt;\\n", "(second)", "", "dritte Größe", "IV. \t fourth #39;"]


@pytest.mark.parametrize(
    ("start", "stop"),
    # from the second, inside, with and without other characters than ASCII, one, none
    [(1, None), (2, 4), (0, 3), (1, 3), (4, None), (3, 4), (5, None), (2, 2)],
)
@pytest.mark.parametrize("steps", STEPS)
def test_slices(steps: tuple[str, ...], start: int, stop: int | None) -> None:
    array = pa.array(ROWS)[start:stop]
    expected = [clean_row(row, steps) for row in ROWS[start:stop]]
    assert clean_texts(array, steps).to_pylist() == expected
    # what was cleaned can be sliced and cleaned again
    again = clean_texts(clean_texts(pa.array(ROWS), ("lowercase",))[start:stop], steps)
    assert again.to_pylist() == [clean_row(row.lower(), steps) for row in ROWS[start:stop]]


def test_array_that_is_given_stays_as_it_is() -> None:
    array = pa.array(["Up, UP", "and AWAY", "Ä quot;"])
    clean_texts(array, ("html", "alphanumeric", "lowercase"))
    assert array.to_pylist() == ["Up, UP", "and AWAY", "Ä quot;"]


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("rows", [[], [""], ["", "", ""], [" "], ["", "é", ""]])
def test_nothing_to_clean(rows: list[str], steps: tuple[str, ...]) -> None:
    assert clean_texts(pa.array(rows, pa.string()), steps).to_pylist() == rows


@pytest.mark.parametrize("steps", STEPS)
def test_every_code_point(steps: tuple[str, ...]) -> None:
    # between letters, which makes a sigma the last or not
    for rows in (["".join(CODE_POINTS), "aΣ"], ["Ω".join(CODE_POINTS), ""]):
        assert clean_texts(pa.array(rows), steps).to_pylist() == [clean_row(r, steps) for r in rows]


def test_every_code_point_alone() -> None:
    steps = ("alphanumeric", "lowercase")
    cleaned = clean_texts(pa.array(CODE_POINTS), steps).to_pylist()
    assert cleaned == [c.lower() if c.isalnum() else " " for c in CODE_POINTS]


@pytest.mark.parametrize(
    ("text", "steps", "cleaned"),
    [
        ("It's 5_000 km²!", ("alphanumeric",), "It s 5 000 km² "),
        ("It's", ("lowercase",), "it's"),
        ("It's", (), "It's"),
        # the small letter of a last sigma is another one
        ("ΩΣ ΩΣΩ", ("alphanumeric", "lowercase"), "ως \u03c9\u03c3\u03c9"),
        # the order counts: the dot above that lowercase makes of İ is not alphanumeric
        ("İ", ("lowercase", "alphanumeric"), "i "),
        ("İ", ("alphanumeric", "lowercase"), "i\u0307"),
        # marks belong to words
        ("हिन्दी भाषा!", ("words",), "हिन्दी भाषा "),
        ("हिन्दी", ("alphanumeric",), "ह न द "),
        ("क\u094d\u200dष", ("words",), "क\u094d\u200dष"),
        ("re\u0301sume\u0301, 5 km²_", ("words",), "re\u0301sume\u0301  5 km² "),
        ("re\u0301sume\u0301", ("nfc", "alphanumeric"), "résumé"),
        ("\u1112\u1161\u11ab", ("nfc",), "\ud55c"),
    ],
)
def test_examples_of_cleaning(text: str, steps: tuple[str, ...], cleaned: str) -> None:
    assert clean_row(text, steps) == cleaned
    assert clean_texts(pa.array([text]), steps).to_pylist() == [cleaned]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        # as AG News has them: the & became a space
        ("Microsoft #39;s", "Microsoft's"),
        ("Near  #36;47 a barrel", "Near $47 a barrel"),
        ("Merck  amp; Co. and J amp;J", "Merck & Co. and J&J"),
        ("the  quot;bump and run, quot; so", 'the "bump and run," so'),
        ("Ch #225;vez", "Chávez"),
        ("Sept. 8  #0151; A", "Sept. 8 \u2014 A"),  # a Windows-1252 number, which HTML allows
        ("software   hellip;. Hitachi", "software  \u2026. Hitachi"),
        ("#39;s", "'s"),
        ("a\nquot;b quot;", 'a\n"b"'),
        # words of English, numbers of no character, colours
        ("in whole or part; it's in; so", "in whole or part; it's in; so"),
        ("ranked #1; or #10; and #031;", "ranked #1; or #10; and #031;"),
        ("color:#666666; color=#39;", "color:#666666; color=#39;"),
        ("quot; ; ;quot; &quot;", '" ; ;quot; "'),
        # what has kept its &
        ("&lt;b&gt;...&lt;/b&gt; &eacute;&#233;&#xe9;&copy", " ...  ééé©"),
        # once only, also where one makes another
        ("&amp;lt;b&amp;gt; &amp #39;", "&lt;b&gt; &'"),
        # tags, also over lines; not what only looks a little like one
        ('x<A HREF="http://a.b/?c=d&amp;e">y</A>z<br/>', "x y z "),
        ("<p\nclass=x>1<!DOCTYPE html>", " 1 "),
        ("<hr noshade><INPUT type='text' disabled /><!-- a\n<b> -->.", "   ."),
        ("1 < 2 > 0, <3, <>, < b>, <!d>, <!- c>", "1 < 2 > 0, <3, <>, < b>, <!d>, <!- c>"),
        ("a<b<i>c>", "a<b c>"),
        ("<math>1</math><svg width=3></svg>", " 1   "),
        ("&lt;TXN.N&gt; <joe@x.org> List<String>", "<TXN.N> <joe@x.org> List<String>"),
        ("if x<y and z>w or x<b and c>d", "if x<y and z>w or x<b and c>d"),
    ],
)
def test_examples_of_html(text: str, cleaned: str) -> None:
    assert clean_row(text, ("html",)) == cleaned
    # alone, and beside rows that have nothing to do with it
    assert clean_texts(pa.array([text]), ("html",)).to_pylist() == [cleaned]
    rows = ["plain", text, "", "é", text, "plain"]
    expected = ["plain", cleaned, "", "é", cleaned, "plain"]
    assert clean_texts(pa.array(rows), ("html",)).to_pylist() == expected
