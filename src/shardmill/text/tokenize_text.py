"""Tokenises texts, a whole Arrow array at a time, exactly by Python's own Unicode rules."""

import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, arrow_array, numpy_array, rows_of
from shardmill.text.clean_text import clean_texts
from shardmill.text.joined_rows import content_of

# torchtext's `basic_english` (data/utils.py of 0.18) makes these replacements in this order on the
# lower-cased line, and then splits it at white space.
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

# The classes of bytes: a byte separates tokens, belongs to a token, or begins a token of its own. A
# byte of CHANGED may become another byte in `_lower_and_delete`. Bytes of characters beyond ASCII
# belong to a token; white space among these characters is replaced beforehand. For `characters`,
# all bytes but the first of a character are of SEPARATOR, since they begin no token.
_SEPARATOR, _WORD, _ALONE, _CHANGED = range(4)
_WHITE_SPACE = "".join(chr(code) for code in range(128) if chr(code).isspace())
_SEPARATORS = {
    "whitespace": _WHITE_SPACE,
    "basic_english": _WHITE_SPACE + ";:",
    "characters": _WHITE_SPACE,
}
_ALONE_CHARACTERS = {"whitespace": "", "basic_english": "'.,()!?"}
# A byte 10xxxxxx continues a character in UTF-8.
_CONTINUING = range(0x80, 0xC0)
_CHANGED_CHARACTERS = string.ascii_uppercase + '"<'

# So many bytes are handled at a time that everything made from them stays in the cache of a core.
_BLOCK_BYTES = 2**17


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of n texts, t in all, of which d are distinct.

    Attributes:
        tokens: The distinct tokens in order of first appearance, string [d].
        codes: For every token, row after row, its place in `tokens`, int32 [t].
        sizes: How many tokens each row has, int32 [n].

    Example:
        >>> tokens = tokenize_texts(pa.array(["to be or", "not to be"]), "whitespace")
        >>> tokens.tokens.to_pylist()
        ['to', 'be', 'or', 'not']
        >>> tokens.codes.tolist(), tokens.sizes.tolist()
        ([0, 1, 2, 3, 0, 1], [3, 3])
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

    `whitespace` is `str.split()` of each row. `basic_english` is the same after `str.lower()` and
    SUBSTITUTIONS. `characters` are all characters (code points) that are not `str.isspace()`.
    """
    content, offsets = content_of(texts)
    is_ascii = content.isascii()
    table = _class_table(tokenizer)
    if tokenizer == "basic_english":
        # Cleaned text is mostly in lower case and without quotes.
        starts = _starts(content, offsets, _with_changed(table)) if is_ascii else None
        if starts is not None:
            return _cut(content, offsets, starts, tokenizer)
        content, offsets = content_of(_lower_and_delete(texts))
    elif not is_ascii:
        content, offsets = content_of(clean_texts(texts, ("ascii_space",)))
    starts = _starts(content, offsets, table)
    assert starts is not None  # noqa: S101  no byte is of CHANGED
    return _cut(content, offsets, starts, tokenizer)


def _class_table(tokenizer: str) -> bytes:
    """Return the class of each of the 256 bytes."""
    if tokenizer == "characters":
        none = {*_WHITE_SPACE.encode(), *_CONTINUING}
        return bytes(_SEPARATOR if code in none else _ALONE for code in range(256))
    separators, alone = _SEPARATORS[tokenizer], _ALONE_CHARACTERS[tokenizer]
    table = bytearray([_WORD]) * 256
    for character in separators + alone:
        table[ord(character)] = _SEPARATOR if character in separators else _ALONE
    return bytes(table)


def _with_changed(table: bytes) -> bytes:
    changed = _CHANGED_CHARACTERS.encode()
    return bytes(_CHANGED if code in changed else kind for code, kind in enumerate(table))


def _lower_and_delete(texts: pa.Array) -> pa.Array:
    """Return `texts` in lower case, without quotes and with a space for each `<br />`.

    These substitutions may come before all others. The others insert spaces around a character, so
    they neither make nor break up a quote or a `<br />`. A quote inside a `<br />` must go first.
    White space beyond ASCII becomes a line feed, which makes no `<br />` either.
    """
    texts = clean_texts(texts, ("lowercase", "ascii_space"))
    for old, new in (('"', ""), ("<br />", " ")):
        texts = pc.replace_substring(texts, old, new)
    return texts


def _starts(content: bytes, offsets: Array, table: bytes) -> Array | None:
    """Return where each token begins in UTF-8 text whose only separators are ASCII, int32 [t].

    Args:
        content: The bytes of the rows, one after another.
        offsets: Where the rows begin, [n + 1].
        table: The class of each byte.

    Returns:
        The positions of the tokens, or None if a byte is of CHANGED.
    """
    rows = offsets[:-1][offsets[:-1] < len(content)]  # an empty row begins where the next row does
    blocks = range(0, len(content), _BLOCK_BYTES)
    first_rows = np.searchsorted(rows, [*blocks, len(content)])
    starts = np.empty(len(content), np.int32)  # memory that is never written is never taken
    begins = np.empty(_BLOCK_BYTES, np.bool_)
    found, before = 0, _SEPARATOR
    for index, start in enumerate(blocks):
        classes = content[start : start + _BLOCK_BYTES].translate(table)
        if bytes([_CHANGED]) in classes:
            return None
        kinds = np.frombuffer(classes, np.uint8)
        here = begins[: len(kinds)]
        # A token begins at a byte of WORD after a byte of another class, and at each byte of ALONE.
        here[0] = kinds[0] > before & _WORD
        np.greater(kinds[1:], kinds[:-1] & _WORD, out=here[1:])
        inside = rows[first_rows[index] : first_rows[index + 1]] - start
        here[inside] = kinds[inside] != _SEPARATOR  # a token also begins at the start of a row
        places = np.flatnonzero(here)
        np.add(places, start, out=starts[found : found + len(places)], casting="unsafe")
        found, before = found + len(places), int(kinds[-1])
    return starts[:found]


def _cut(content: bytes, offsets: Array, starts: Array, tokenizer: str) -> Tokens:
    """Return the tokens of text [n rows] that begin at `starts` [t]; `offsets` [n + 1]."""
    # A token first reaches up to the next one, with the separators behind it, which saves a copy of
    # the text. The separators are trimmed when each distinct token is left only once.
    rough = rows_of(content, np.append(starts, np.int32(len(content)))).dictionary_encode()
    trimmed = pc.ascii_rtrim(rough.dictionary, characters=_SEPARATORS[tokenizer])
    trimmed = trimmed.dictionary_encode()
    codes = numpy_array(trimmed.indices)[numpy_array(rough.indices)]
    sizes = np.diff(np.searchsorted(starts, offsets)).astype(np.int32)
    return Tokens(trimmed.dictionary, codes, sizes)
