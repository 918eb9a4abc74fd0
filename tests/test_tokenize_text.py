"""Arrays of texts are cleaned and tokenised exactly as their plain definitions do it row by row."""

import sys

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shardmill.tokenize_text import clean_row, clean_texts, tokenize_row, tokenize_texts

TOKENIZERS = ("basic_english", "whitespace")
STEPS: list[tuple[str, ...]] = [
    (),
    ("alphanumeric",),
    ("lowercase",),
    ("alphanumeric", "lowercase"),
    ("lowercase", "alphanumeric"),
]
# Every code point but surrogates, which no UTF-8 text holds.
CODE_POINTS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]

# All planes; ASCII alone, which takes another path; and what the tokenisers look for.
special = st.sampled_from("'\".,()!?;: \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028İΣςßǅ_²٣")
pieces = st.sampled_from(["<br />", "<BR />", "<br/>", "don't", "  "])
ascii_texts = st.text(st.characters(max_codepoint=127) | special.filter(str.isascii))
texts = st.text() | ascii_texts | st.lists(special | pieces | st.text()).map("".join)
text_lists = st.lists(texts, max_size=8)
cuts = st.integers(0, 8)
laws = settings(max_examples=150, deadline=None)


@laws
@given(text_lists, st.sampled_from(STEPS), cuts, cuts)
@example(["a", "é", "B_"], ("alphanumeric", "lowercase"), 1, 2)
def test_clean_texts_is_clean_row(
    rows: list[str], steps: tuple[str, ...], start: int, length: int
) -> None:
    for array in (pa.array(rows, pa.string()), pa.array(rows, pa.string())[start:][:length]):
        cleaned = clean_texts(array, steps)
        assert cleaned.type == pa.string()
        assert cleaned.to_pylist() == [clean_row(row, steps) for row in array.to_pylist()]
        cleaned.validate(full=True)


@laws
@given(text_lists, st.sampled_from(TOKENIZERS), cuts, cuts)
@example(["a", "é", "B_"], "basic_english", 1, 2)
def test_tokenize_texts_is_tokenize_row(
    rows: list[str], tokenizer: str, start: int, length: int
) -> None:
    for array in (pa.array(rows, pa.string()), pa.array(rows, pa.string())[start:][:length]):
        tokens = tokenize_texts(array, tokenizer)
        assert tokens.type == pa.list_(pa.string())
        assert tokens.to_pylist() == [tokenize_row(row, tokenizer) for row in array.to_pylist()]
        tokens.validate(full=True)


ROWS = ["First, row", "(second)", "", "dritte Größe", "IV. \t fourth"]


@pytest.mark.parametrize(
    ("start", "stop"),
    # from the second, inside, with and without other characters than ASCII, one, none
    [(1, None), (2, 4), (0, 3), (1, 3), (4, None), (3, 4), (5, None), (2, 2)],
)
def test_slices(start: int, stop: int | None) -> None:
    rows, array = ROWS[start:stop], pa.array(ROWS)[start:stop]
    for steps in STEPS:
        assert clean_texts(array, steps).to_pylist() == [clean_row(row, steps) for row in rows]
    for tokenizer in TOKENIZERS:
        expected = [tokenize_row(row, tokenizer) for row in rows]
        assert tokenize_texts(array, tokenizer).to_pylist() == expected
        # what was cleaned can be sliced and tokenised again
        cleaned = clean_texts(pa.array(ROWS), ("lowercase",))[start:stop]
        expected = [tokenize_row(row.lower(), tokenizer) for row in rows]
        assert tokenize_texts(cleaned, tokenizer).to_pylist() == expected


def test_array_that_is_given_stays_as_it_is() -> None:
    array = pa.array(["Up, UP", "and AWAY"])
    clean_texts(array, ("alphanumeric", "lowercase"))
    tokenize_texts(array, "basic_english")
    assert array.to_pylist() == ["Up, UP", "and AWAY"]


@pytest.mark.parametrize("rows", [[], [""], ["", "", ""], [" "], ["\t\n", "", "  "]])
def test_nothing_to_tokenise(rows: list[str]) -> None:
    array = pa.array(rows, pa.string())
    for tokenizer in TOKENIZERS:
        assert tokenize_texts(array, tokenizer).to_pylist() == [row.split() for row in rows]
    assert clean_texts(array, ()).to_pylist() == rows
    assert len(clean_texts(array, ("alphanumeric", "lowercase"))) == len(rows)


def test_alphanumeric_and_lowercase_over_every_code_point() -> None:
    steps = ("alphanumeric", "lowercase")
    different = [
        c for c in CODE_POINTS if clean_row(c, steps) != (c.lower() if c.isalnum() else " ")
    ]
    assert different == []


@laws
@given(texts)
@example("ΑΣ ΑΣΑ")  # the small letter of a last sigma is another one
def test_alphanumeric_and_lowercase_of_a_text(text: str) -> None:
    expected = "".join(c if c.isalnum() else " " for c in text).lower()
    assert clean_row(text, ("alphanumeric", "lowercase")) == expected


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_white_space_of_every_code_point(tokenizer: str) -> None:
    splits = [c for c in CODE_POINTS if len(tokenize_row(f"a{c}b", "whitespace")) == 2]
    assert splits == [c for c in CODE_POINTS if c.isspace()]
    array = pa.array([f"a{c}b" for c in splits])
    assert tokenize_texts(array, tokenizer).to_pylist() == [["a", "b"]] * len(splits)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        # the example of torchtext's documentation
        ("You can now install TorchText using pip!", "you can now install torchtext using pip !"),
        # punctuation that is kept, each on its own
        ("A.b,c(d)e!f?", "a . b , c ( d ) e ! f ?"),
        ("...", ". . ."),
        ("3.14", "3 . 14"),
        # and that is not
        ("a;b:c", "a b c"),
        # an apostrophe stands alone, double quotes go without a space
        ("don't", "don ' t"),
        ("'a'", "' a '"),
        ('"Quoted" mid"word', "quoted midword"),
        # a line break of HTML, in any case, but only in this spelling
        ("a<br />b<BR />c", "a b c"),
        ("a<br/>b", "a<br/>b"),
        # quotes go first, so they cannot hide one; a full stop does
        ('a<br" />b', "a b"),
        ("a<br. />b", "a<br . />b"),
        # any white space, any number of them
        ("\ta \t\n b\r\n", "a b"),
        ("a\xa0b\u2003c", "a b c"),
        # the rest stays
        ("e-mail_me@x #1 $5 \u201cso\u201d \u2026", "e-mail_me@x #1 $5 \u201cso\u201d \u2026"),
        # lower case by Unicode
        ("ÉCOLE STRASSE", "école strasse"),
        ("", ""),
    ],
)
def test_examples_of_basic_english(text: str, tokens: str) -> None:
    assert tokenize_row(text, "basic_english") == tokens.split()
    assert tokenize_texts(pa.array([text]), "basic_english").to_pylist() == [tokens.split()]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ('Don\'t  STOP, "now"!', ["Don't", "STOP,", '"now"!']),
        (" a<br />b\x1fc ", ["a<br", "/>b", "c"]),
    ],
)
def test_examples_of_whitespace(text: str, tokens: list[str]) -> None:
    assert tokenize_row(text, "whitespace") == tokens
    assert tokenize_texts(pa.array([text]), "whitespace").to_pylist() == [tokens]


@pytest.mark.parametrize(
    ("text", "steps", "cleaned"),
    [
        ("It's 5_000 km²!", ("alphanumeric",), "It s 5 000 km² "),
        ("It's", ("lowercase",), "it's"),
        ("It's", (), "It's"),
        # the order counts: the dot above that lowercase makes of İ is not alphanumeric
        ("İ", ("lowercase", "alphanumeric"), "i "),
        ("İ", ("alphanumeric", "lowercase"), "i\u0307"),
    ],
)
def test_examples_of_cleaning(text: str, steps: tuple[str, ...], cleaned: str) -> None:
    assert clean_row(text, steps) == cleaned
    assert clean_texts(pa.array([text]), steps).to_pylist() == [cleaned]
