"""Reads the numbers of a column, in whatever format the recipe says."""

import re
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from shardmill.kinds.cells import used_bytes
from shardmill.recipe.number_format import PLAIN_NUMBERS, NumberFormat

_TYPES = {"int64": pa.int64(), "float64": pa.float64()}
_NINE = ord("9")
_SPACE = r"[\s\pZ\x1c-\x1f\x{85}]*"


def read_numbers(
    texts: pa.Array, dtype: Literal["int64", "float64"], form: NumberFormat = PLAIN_NUMBERS
) -> pa.Array:
    """Return the numbers [n] of texts; null for a null, and for a text that is no number.

    Digits are 0 to 9. A whole number may have a decimal mark with zeros after it. A float may be
    infinite or NaN.

    Args:
        texts: The texts [n], without white space around them.
        dtype: What the numbers are.
        form: How they are written.

    Example:
        >>> form = NumberFormat(decimal=",", thousands=".", suffix=("%",))
        >>> read_numbers(pa.array(["1.234,5 %", "+7%", "1.23%"]), "float64", form).to_pylist()
        [1234.5, 7.0, None]
    """
    if form == PLAIN_NUMBERS and not (dtype == "int64" and _has_letters(texts)):
        try:
            return texts.cast(_TYPES[dtype])
        except pa.ArrowInvalid:
            pass  # the lines below find out which are no numbers
    plain = plain_numbers(texts, dtype, form)
    return pa.concat_arrays(_parse_halves(plain, _TYPES[dtype]))


def _has_letters(texts: pa.Array) -> bool:
    # Arrow takes 0x10 for 16.
    used = used_bytes(texts)
    return bool(len(used)) and bool(used.max() > _NINE)


def plain_numbers(
    texts: pa.Array, dtype: Literal["int64", "float64"], form: NumberFormat
) -> pa.Array:
    """Return numbers as Arrow and Python write them [n]; null for a text that is no number."""
    pattern = _pattern(dtype, form)
    likely = pc.if_else(
        pc.match_substring_regex(texts, pattern), texts, pa.nulls(1, pa.string())[0]
    )
    found = pc.replace_substring_regex(likely, pattern, r"\1\2\3\4\5\6")
    if form.thousands:
        found = pc.replace_substring(found, form.thousands, "")
    return found if form.decimal == "." else pc.replace_substring(found, form.decimal, ".")


def _pattern(dtype: str, form: NumberFormat) -> str:
    """Return the regular expression of a number, whose groups say the number alone.

    The groups are the sign before the prefix or after it, the whole part, the fraction beside it or
    alone, and the exponent. A sign is a minus or nothing, as Arrow takes no plus before integers.
    """
    mark, thousands = re.escape(form.decimal), re.escape(form.thousands)
    before, after = ("|".join(map(re.escape, texts)) for texts in (form.prefix, form.suffix))
    sign = r"(?:(-)|\+)"
    start = f"(?:{sign}(?:{before}){_SPACE}|(?:{before}){_SPACE}{sign}?)"
    whole = rf"[1-9]\d{{0,2}}(?:{thousands}\d{{3}})+|\d+" if thousands else r"\d+"
    if dtype == "int64":
        number = f"({whole})(?:{mark}0*)?()()()"
    else:
        # A number may lack the digits before its decimal mark, or those after it.
        fraction = rf"{mark}\d+"
        number = rf"(?:({whole})(?:({fraction})|{mark})?|({fraction}))([eE][+-]?\d+)?"
    return f"^{start}{number}{_SPACE}(?:{after})$"


def _parse_halves(texts: pa.Array, dtype: pa.DataType) -> list[pa.Array]:
    # Arrow says whether all texts are numbers, but not which are not. After the pattern few are
    # not, so halving finds them soon.
    try:
        return [texts.cast(dtype)]
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return [pa.nulls(1, dtype)]
    half = len(texts) // 2
    return _parse_halves(texts[:half], dtype) + _parse_halves(texts[half:], dtype)
