"""Arrays of texts are tokenised exactly as a plain definition does it row by row."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, strategies as st
from text_strategies import CODE_POINTS, TOKENIZERS, cuts, laws, slices, text_lists, tokenize_row

from shardmill.text import tokenize_text
from shardmill.text.clean_text import clean_texts
from shardmill.text.tokenize_text import Tokens, tokenize_rows, tokenize_texts


def check(tokens: Tokens, rows: list[str], tokenizer: str) -> None:
    expected = [tokenize_row(row, tokenizer) for row in rows]
    assert tokens.to_lists() == expected
    # each once, and in order of first appearance
    assert tokens.tokens.to_pylist() == list(
        dict.fromkeys(token for row in expected for token in row)
    )
    assert tokens.codes.dtype == tokens.sizes.dtype == np.int32
    tokens.tokens.validate(full=True)


@laws
@given(text_lists, st.sampled_from(TOKENIZERS), cuts, cuts)
@example(["a", "é", "B_"], "basic_english", 1, 2)
def test_tokenize_texts_is_tokenize_row(
    rows: list[str], tokenizer: str, start: int, length: int
) -> None:
    for array in slices(rows, start, length):
        check(tokenize_texts(array, tokenizer), array.to_pylist(), tokenizer)


@laws
@given(text_lists, st.sampled_from(TOKENIZERS), st.integers(1, 9))
@example(["ab", "", "cd e"], "whitespace", 2)
def test_a_token_may_lie_across_blocks(rows: list[str], tokenizer: str, block_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenize_text, "_BLOCK_BYTES", block_bytes)
        tokens = tokenize_texts(pa.array(rows, pa.string()), tokenizer)
    check(tokens, rows, tokenizer)


ROWS = ["First, row", "(second)", "", "dritte Größe", "IV. \t fourth"]


@pytest.mark.parametrize(
    ("start", "stop"),
    # from the second, inside, with and without other characters than ASCII, one, none
    [(1, None), (2, 4), (0, 3), (1, 3), (4, None), (3, 4), (5, None), (2, 2)],
)
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_slices(tokenizer: str, start: int, stop: int | None) -> None:
    rows = ROWS[start:stop]
    check(tokenize_texts(pa.array(ROWS)[start:stop], tokenizer), rows, tokenizer)
    # what was cleaned can be sliced and tokenised
    cleaned = clean_texts(pa.array(ROWS), ("lowercase",))[start:stop]
    check(tokenize_texts(cleaned, tokenizer), [row.lower() for row in rows], tokenizer)


def test_array_that_is_given_stays_as_it_is() -> None:
    array = pa.array(["Up, UP", "and AWAY"])
    tokenize_texts(array, "basic_english")
    assert array.to_pylist() == ["Up, UP", "and AWAY"]


@pytest.mark.parametrize("rows", [[], [""], ["", "", ""], [" "], ["\t\n", "", "  "]])
def test_nothing_to_tokenise(rows: list[str]) -> None:
    array = pa.array(rows, pa.string())
    for tokenizer in TOKENIZERS:
        check(tokenize_texts(array, tokenizer), rows, tokenizer)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_white_space_of_every_code_point(tokenizer: str) -> None:
    splits = [c for c in CODE_POINTS if c.isspace()]
    assert tokenize_rows([f"a{c}b" for c in splits], tokenizer) == [["a", "b"]] * len(splits)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_every_code_point(tokenizer: str) -> None:
    # between letters, beside sigmas, and inside of what is replaced
    for between, some in (("a", CODE_POINTS), ("Σ ", CODE_POINTS[:0x3100])):
        rows = [between.join(some), "B"]
        check(tokenize_texts(pa.array(rows), tokenizer), rows, tokenizer)
    rows = [row for c in CODE_POINTS[:0x3100] for row in (c, f"<br{c}/>", f"<br {c}/>")]
    check(tokenize_texts(pa.array(rows), tokenizer), rows, tokenizer)


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
        ('<br" />b" "c', "b c"),
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
    assert tokenize_rows([text], "basic_english") == [tokens.split()]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("今天 很好。", "今天很好。"),
        ("e\u0301\u3000ab\x85 😀\x1f\x00", "e\u0301ab😀\x00"),
    ],
)
def test_examples_of_characters(text: str, tokens: str) -> None:
    assert tokenize_row(text, "characters") == list(tokens)
    assert tokenize_rows([text, "", text], "characters") == [list(tokens), [], list(tokens)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ('Don\'t  STOP, "now"!', ["Don't", "STOP,", '"now"!']),
        (" a<br />b\x1fc ", ["a<br", "/>b", "c"]),
    ],
)
def test_examples_of_whitespace(text: str, tokens: list[str]) -> None:
    assert tokenize_row(text, "whitespace") == tokens
    assert tokenize_rows([text], "whitespace") == [tokens]
