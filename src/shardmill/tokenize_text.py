"""Cleaning and tokenising of texts: whole Arrow arrays at a time, exact to Python's own rules.

Every step has a plain definition for one string (`clean_row`, `tokenize_row`). Arrays run the
same definition through a byte table as long as they are ASCII, which is where the speed is; rows
with other characters run the plain definition itself, so that the two cannot differ on them.
"""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
# Python's `re` counts exactly the characters for which str.isalnum() holds, and _, as \w.
_NOT_ALPHANUMERIC = re.compile(r"[\W_]")

_ASCII = [chr(code) for code in range(128)]
_ALPHANUMERIC_TABLE = "".join(c if c.isalnum() else " " for c in _ASCII)
_LOWER_TABLE = "".join(c.lower() for c in _ASCII)
_SPACE_TABLE = "".join(" " if c.isspace() else c for c in _ASCII)


def clean_row(text: str, steps: Sequence[str]) -> str:
    """Return one text after the steps `alphanumeric` and `lowercase`, in the order given."""
    for step in steps:
        text = _NOT_ALPHANUMERIC.sub(" ", text) if step == "alphanumeric" else text.lower()
    return text


def tokenize_row(text: str, tokenizer: str) -> list[str]:
    """Return the tokens of one text by `basic_english` or `whitespace`."""
    if tokenizer == "basic_english":
        text = text.lower()
        for old, new in SUBSTITUTIONS:
            text = text.replace(old, new)
    return text.split()


def clean_texts(texts: pa.Array, steps: Sequence[str]) -> pa.Array:
    """Return `texts` (string, no nulls) after `steps`, as a string array of the same length."""
    tables = {"alphanumeric": _ALPHANUMERIC_TABLE, "lowercase": _LOWER_TABLE}

    def clean_ascii(part: pa.Array) -> pa.Array:
        for step in steps:
            part = _translate_ascii(part, tables[step])
        return part

    plain = pc.string_is_ascii(texts)
    if pc.all(plain).as_py() is not False:
        return clean_ascii(texts)
    others = [clean_row(text, steps) for text in texts.filter(pc.invert(plain)).to_pylist()]
    return _interleave(plain, clean_ascii(texts.filter(plain)), pa.array(others, pa.string()))


def tokenize_texts(texts: pa.Array, tokenizer: str) -> pa.ListArray:
    """Return the tokens of `texts` (string [n], no nulls) as a list<string> array [n]."""
    plain = pc.string_is_ascii(texts)
    if pc.all(plain).as_py() is not False:
        return _tokenize_ascii(texts, tokenizer)
    others = [tokenize_row(text, tokenizer) for text in texts.filter(pc.invert(plain)).to_pylist()]
    ascii_rows = _tokenize_ascii(texts.filter(plain), tokenizer)
    return _interleave(plain, ascii_rows, pa.array(others, pa.list_(pa.string())))


def _tokenize_ascii(texts: pa.Array, tokenizer: str) -> pa.ListArray:
    if tokenizer == "basic_english":
        texts = _translate_ascii(texts, _LOWER_TABLE)
        for old, new in SUBSTITUTIONS:
            texts = pc.replace_substring(texts, old, new)
    # str.split() also splits at the separators 0x1C to 0x1F, Arrow does not.
    texts = _translate_ascii(texts, _SPACE_TABLE)
    # Arrow splits like str.split(" "): leading, trailing and doubled spaces leave empty strings,
    # which the list's offsets must then skip.
    split = pc.ascii_split_whitespace(texts)
    values, offsets = split.flatten(), np.asarray(split.offsets)
    kept = pc.greater(pc.binary_length(values), 0)
    before = np.concatenate([[0], np.cumsum(np.asarray(kept))])
    return pa.ListArray.from_arrays(pa.array(before[offsets], pa.int32()), values.filter(kept))


def _translate_ascii(texts: pa.Array, table: str) -> pa.Array:
    """Map every byte of an ASCII string array through `table`, 128 characters."""
    if not len(texts):
        return texts
    _, offsets, data = texts.buffers()
    # A slice shares the buffers of the whole array; its own part of them starts at `first`.
    own = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    first, last = int(own[0]), int(own[-1])
    content = data.slice(first, last - first).to_pybytes() if data is not None else b""
    translated = content.translate(table.encode() + bytes(range(128, 256)))
    return pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(own - first), pa.py_buffer(translated)
    )


def _interleave(first: pa.Array, rows: pa.Array, others: pa.Array) -> pa.Array:
    """Return row k of `rows` where the k-th True of `first` [n] is, and of `others` elsewhere."""
    mask = np.asarray(first)
    position = np.empty(len(mask), np.int64)
    position[mask] = np.arange(len(rows))
    position[~mask] = len(rows) + np.arange(len(others))
    return pa.concat_arrays([rows, others]).take(pa.array(position))
