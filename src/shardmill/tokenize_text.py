"""Tokenising of texts: whole Arrow arrays at a time, exact to Python's own Unicode rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.arrow_arrays import Array, arrow_array, numpy_array, rows_of
from shardmill.clean_text import clean_texts
from shardmill.joined_rows import content_of

# torchtext's `basic_english`, data/utils.py of 0.18: these replacements in this order, on the
# lower-cased line, then a split at white space.
SUBSTITUTIONS = (
    ("'", " '  "),
    ('"', ""),
    (".", " . "),
    ("<br />", " "),
    (",", " , "),
    ("(", " ( "),
    (")", " ) "),
    ("!", " ! "),
    ("?", " ? "),
    (";", " "),
    (":", " "),
)

# What a byte does: it separates tokens, belongs to one, or is one by itself. Bytes of characters
# beyond ASCII belong to one; the white space among them is replaced beforehand.
_SEPARATOR, _WORD, _ALONE = range(3)
_SEPARATORS = {
    "whitespace": "".join(chr(code) for code in range(128) if chr(code).isspace()),
}
_SEPARATORS["basic_english"] = _SEPARATORS["whitespace"] + ";:"
_ALONE_CHARACTERS = {"whitespace": "", "basic_english": "'.,()!?"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of n texts, t in all, each distinct one named once.

    Attributes:
        tokens: string [d], the distinct tokens in order of first appearance.
        codes: int32 [t], which of them each token is, row after row.
        sizes: int32 [n], tokens per row.

    Example:
        >>> tokenize_texts(pa.array(["to be or", "not to be"]), "whitespace")
        Tokens(tokens=["to", "be", "or", "not"], codes=[0, 1, 2, 3, 0, 1], sizes=[3, 3])
    """

    tokens: pa.StringArray
    codes: Array
    sizes: Array

    def to_lists(self) -> list[list[str]]:
        """Return the tokens of each row."""
        ends = np.cumsum(self.sizes).tolist()
        tokens = self.tokens.take(arrow_array(self.codes)).to_pylist()
        return [tokens[i:j] for i, j in zip([0, *ends], ends, strict=False)]


def tokenize_rows(texts: Sequence[str], tokenizer: str) -> list[list[str]]:
    """Return the tokens of each text; see `tokenize_texts`."""
    return tokenize_texts(pa.array(texts, pa.string()), tokenizer).to_lists()


def tokenize_texts(texts: pa.Array, tokenizer: str) -> Tokens:
    """Return the tokens of `texts` (string [n], no nulls).

    `whitespace` is `str.split()` of each row, `basic_english` the same after `str.lower()` and
    SUBSTITUTIONS.
    """
    content, offsets = content_of(texts)
    if tokenizer == "basic_english":
        if _may_change(content):
            content, offsets = content_of(_lower_and_delete(texts))
    elif not content.isascii():
        content, offsets = content_of(clean_texts(texts, ("ascii_space",)))
    return _cut(content, offsets, tokenizer)


def _may_change(content: bytes) -> bool:
    """Tell whether `_lower_and_delete` may change a text; cleaned ASCII it does not."""
    codes = np.frombuffer(content, np.uint8)
    has_capital = np.any(codes - np.uint8(ord("A")) < 26)  # what is below A wraps round
    return bool(has_capital) or not content.isascii() or b'"' in content or b"<" in content


def _lower_and_delete(texts: pa.Array) -> pa.Array:
    """Return `texts` in lower case, without quotes and with a space for each `<br />`.

    These substitutions may go before all others: the others put in spaces and the character
    itself, so that they neither make nor break up a quote or a `<br />`. A quote inside a `<br />`
    must go first. White space becomes ASCII as a line feed, which makes no `<br />` either.
    """
    texts = clean_texts(texts, ("lowercase", "ascii_space"))
    for old, new in (('"', ""), ("<br />", " ")):
        texts = pc.replace_substring(texts, old, new)
    return texts


def _cut(content: bytes, offsets: Array, tokenizer: str) -> Tokens:
    """Return the tokens of UTF-8 text whose only separators are ASCII; `offsets` [n + 1]."""
    separators, alone = _SEPARATORS[tokenizer], _ALONE_CHARACTERS[tokenizer]
    table = bytearray([_WORD]) * 256
    for character in separators + alone:
        table[ord(character)] = _SEPARATOR if character in separators else _ALONE
    classes = content.translate(table)
    kinds = np.frombuffer(classes, np.uint8)

    # A token begins at a word byte after another kind or at the start of a row, or is alone.
    words = kinds == _WORD
    begins = words.copy()
    np.greater(words[1:], words[:-1], out=begins[1:])
    rows = offsets[:-1][offsets[:-1] < len(content)]  # an empty row begins where the next does
    begins[rows] = words[rows]
    if bytes([_ALONE]) in classes:
        begins |= kinds == _ALONE
    starts = np.flatnonzero(begins).astype(np.int32)

    # Up to the next one: with the separators behind it, also those that the next row begins with,
    # which saves a copy of the text. They go when each distinct token is left but once.
    rough = rows_of(content, np.append(starts, np.int32(len(content)))).dictionary_encode()
    trimmed = pc.ascii_rtrim(rough.dictionary, characters=separators).dictionary_encode()
    codes = numpy_array(trimmed.indices)[numpy_array(rough.indices)]
    sizes = np.diff(np.searchsorted(starts, offsets)).astype(np.int32)
    return Tokens(trimmed.dictionary, codes, sizes)
