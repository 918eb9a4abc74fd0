"""Cleans texts, a whole Arrow array at a time, exactly by Python's own Unicode rules.

ASCII goes through a table of bytes. Rows with other characters are joined to one Python string, and
Python is asked once about each distinct character in it. No step loops over rows.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, rows_of
from shardmill.text.html_tags import TAG
from shardmill.text.joined_rows import JoinedRows, code_points, content_of

_ASCII = [chr(code) for code in range(128)]
_ASCII_WORDS = "".join(c if c.isalnum() else " " for c in _ASCII)
_ASCII_TABLES = {
    "alphanumeric": _ASCII_WORDS,
    "words": _ASCII_WORDS,
    "nfc": "".join(_ASCII),
    "lowercase": "".join(c.lower() for c in _ASCII),
    "ascii_space": "".join(_ASCII),
}

# The references that lost their & in AG News: numbers of printable characters, and those names that
# are no English words. ("whole or part;" and "Monty's in;" occur there too, and part and in are
# names in HTML.)
_BROKEN_REFERENCE = (
    r"(?m:^| )((?:#0?(?:3[2-9]|[4-9][0-9]|[1-9][0-9]{2,4})"
    r"|amp|apos|gt|hellip|ldquo|lsquo|lt|mdash|nbsp|ndash|quot|rdquo|rsquo);)"
)
# This matches at least what html.unescape() takes, which ignores the rest.
_REFERENCE = re.compile(r"(&(?:#[0-9A-Za-z]+|[^\t\n\f <&#;]{1,32});?)")


def clean_texts(texts: pa.Array, steps: Sequence[str]) -> pa.Array:
    r"""Return `texts` (string, no nulls) after `steps` in order, as a string array.

    `html` is `strip_html`. `newlines` turns every `\n`, a backslash and the letter n, into one
    space: some files write the ends of lines within a text so. `nfc` is the Unicode normal form C
    of the row. `alphanumeric` turns every character that is not `str.isalnum()` into one space, and
    `words` every one that is not `is_of_word`. `lowercase` is `str.lower()` of the row.
    `ascii_space`, which tokenisers use, turns every `str.isspace()` beyond ASCII into a line feed.

    Example:
        >>> texts = pa.array(["<b>Re\u0301sume\u0301!</b>"])
        >>> clean_texts(texts, ["html", "nfc", "words"]).to_pylist()
        [' Résumé  ']
    """
    for of_texts, group in groupby(steps, _OF_TEXTS.get):
        if of_texts is None:
            texts = _clean_characters(texts, tuple(group))
        else:
            for _ in group:
                texts = of_texts(texts)
    return texts


def strip_html(texts: pa.Array) -> pa.Array:
    r"""Return `texts` (string, no nulls) with character references and tags as plain text.

    These steps are done for each row:

    1. References that lost their `&` to a space, as in "Microsoft #39;s", get it back: a space, or
       the start of a line, becomes `&` before `#`, a number from 32 to 99999 (a leading 0 is
       allowed) and `;`, and before one of the names amp, apos, gt, hellip, ldquo, lsquo, lt,
       mdash, nbsp, ndash, quot, rdquo, rsquo and `;`.
    2. `html.unescape`, once.
    3. Every tag, comment and document type of HTML becomes one space; see `html_tags`. Other text
       between `<` and `>` stays.

    Example:
        >>> strip_html(pa.array(["J amp;J #39;s &lt;b&gt;...&lt;/b&gt;"])).to_pylist()
        ["J&J's  ... "]
    """

    def strip(rows: pa.Array) -> pa.Array:
        rows = pc.replace_substring_regex(rows, _BROKEN_REFERENCE, r"&\1")
        rows = _unescape(JoinedRows.of(rows)).to_array()
        return pc.replace_substring_regex(rows, TAG, " ")

    # References need & or ;, tags need <.
    concerned = pc.match_substring_regex(texts, "[&;<]")
    return _replace_rows(texts, concerned, strip(texts.filter(concerned)))


def _unescape(rows: JoinedRows) -> JoinedRows:
    parts = _REFERENCE.split(rows.text)  # text, reference, text, ..., text
    references = parts[1::2]
    if not references:
        return rows
    plain = {reference: html.unescape(reference) for reference in set(references)}
    parts[1::2] = map(plain.__getitem__, references)
    before = np.fromiter(map(len, references), np.int64)
    after = np.fromiter(map(len, parts[1::2]), np.int64)
    between = np.fromiter(map(len, parts[0:-1:2]), np.int64)
    begins = np.cumsum(between + before) - before
    moved = np.append(
        0, np.cumsum(after - before)
    )  # by how much a row has moved after so many references
    return JoinedRows("".join(parts), rows.ends + moved[np.searchsorted(begins, rows.ends)])


def _clean_characters(texts: pa.Array, steps: Sequence[str]) -> pa.Array:
    table = bytes(range(256))
    for step in steps:
        table = table.translate(_ASCII_TABLES[step].encode() + bytes(range(128, 256)))
    content, offsets = content_of(texts)
    cleaned = rows_of(content.translate(table), offsets)
    if content.isascii():
        return cleaned
    others = pc.invert(pc.string_is_ascii(texts))
    rows = JoinedRows.of(texts.filter(others))
    for step in steps:
        rows = _CHANGES[step](rows)
    return _replace_rows(cleaned, others, rows.to_array())


def is_of_word(character: str) -> bool:
    """Say whether a character is part of words: a letter, a mark or a digit of any script.

    The two joiners of Unicode are too, since scripts as Devanagari and Persian write them inside of
    words (UAX #29, rule WB4).
    """
    return unicodedata.category(character)[0] in "LMN" or character in "\u200c\u200d"


def _compose(rows: JoinedRows) -> JoinedRows:
    """Bring all rows to the normal form C. A line feed composes with nothing."""
    if unicodedata.is_normalized("NFC", rows.text):
        return rows
    ends = [-1, *rows.ends.tolist()]
    texts = [rows.text[i + 1 : j] for i, j in pairwise(ends)]
    return JoinedRows.of(pa.array([unicodedata.normalize("NFC", text) for text in texts]))


def _replace_rows(texts: pa.Array, mask: pa.Array, rows: pa.Array) -> pa.Array:
    """Return `texts` with the k-th of `rows` in the place of the k-th True of the mask."""
    if len(rows) in (0, len(texts)):
        return rows if len(rows) else texts
    return pc.replace_with_mask(texts, mask, rows)


def _lowercase(rows: JoinedRows) -> JoinedRows:
    """Lower all rows at once. The line feeds keep the last sigma of a row a final one."""
    text = rows.text.lower()
    if len(text) == len(rows.text):
        return JoinedRows(text, rows.ends)
    codes = code_points(rows.text)
    table, distinct = _table_of(codes)
    table[distinct] = [len(chr(code).lower()) - 1 for code in distinct]
    moved = np.cumsum(table[codes], dtype=np.int64)
    return JoinedRows(text, rows.ends + moved[rows.ends])


def _replace_characters(rows: JoinedRows, chosen: Callable[[str], bool], by: str) -> JoinedRows:
    codes = code_points(rows.text)
    table, distinct = _table_of(codes)
    replaced = [code for code in distinct if chosen(chr(code))]
    if not replaced:
        return rows
    table[replaced] = ord(by)
    return JoinedRows(table[codes].tobytes().decode("utf-32-le"), rows.ends)


def _table_of(codes: Array) -> tuple[Array, list[int]]:
    """Return a table of all code points up to the highest that occurs, and those that occur."""
    size = int(codes.max(initial=0)) + 1
    seen = np.zeros(size, np.bool_)
    seen[codes] = True
    return np.arange(size, dtype="<u4"), np.flatnonzero(seen).tolist()


def _unfold(texts: pa.Array) -> pa.Array:
    return pc.replace_substring(texts, "\\n", " ")


# The steps that are no change of single characters.
_OF_TEXTS: dict[str, Callable[[pa.Array], pa.Array]] = {"html": strip_html, "newlines": _unfold}
_CHANGES: dict[str, Callable[[JoinedRows], JoinedRows]] = {
    "alphanumeric": lambda rows: _replace_characters(rows, lambda c: not c.isalnum(), " "),
    "words": lambda rows: _replace_characters(rows, lambda c: not is_of_word(c), " "),
    "nfc": _compose,
    "lowercase": _lowercase,
    "ascii_space": lambda rows: _replace_characters(
        rows, lambda c: c.isspace() and not c.isascii(), "\n"
    ),
}
