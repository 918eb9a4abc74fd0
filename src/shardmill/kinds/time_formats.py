"""What pandas reads otherwise than `strptime` does: long fractions, and leap seconds."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, arrow_array
from shardmill.recipe.time_format import directives

# What each directive matches, as in Python's `_strptime`. Names of days and months are those of the
# C locale or of any other, so they are letters.
_LETTERS = r"\pL+\.?"
_PATTERNS = {
    "a": _LETTERS,
    "A": _LETTERS,
    "b": _LETTERS,
    "B": _LETTERS,
    "d": r"(?:3[01]|[12]\d|0[1-9]|[1-9]| [1-9])",
    "G": r"\d{4}",
    "H": r"(?:2[0-3]|[01]\d|\d)",
    "I": r"(?:1[0-2]|0[1-9]|[1-9]| [1-9])",
    "j": r"(?:36[0-6]|3[0-5]\d|[12]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9])",
    "m": r"(?:1[0-2]|0[1-9]|[1-9])",
    "M": r"(?:[0-5]\d|\d)",
    "f": r"\d{1,6}",
    "p": _LETTERS,
    "S": r"(?:6[01]|[0-5]\d|\d)",
    "u": r"[1-7]",
    "V": r"(?:5[0-3]|0[1-9]|[1-4]\d|\d)",
    "w": r"[0-6]",
    "y": r"\d\d",
    "Y": r"\d{4}",
    "z": r"(?:[+-]\d\d:?[0-5]\d(?::?[0-5]\d(?:\.\d{1,6})?)?|Z)",
    "c": r".+?",
    "x": r".+?",
    "X": r".+?",
    "%": "%",
}
_ISO_FRACTION = r"([.,]\d{6})\d+"


def cut_fractions(texts: pa.Array, written: str | None) -> pa.Array:
    """Return times with fractions of a second of at most six digits, which is a microsecond.

    Other digits stay, whatever stands before them. With a single nanosecond among the cells, pandas
    would use nanoseconds for all of them, and refuse the years that those cannot hold.

    Args:
        texts: The times as strings [n].
        written: How they are written; None for ISO 8601.

    Example:
        >>> cut_fractions(pa.array(["20201231.145912345"]), "%Y%m%d.%H%M%S%f").to_pylist()
        ['20201231.145912345']
        >>> cut_fractions(pa.array(["14:59:12.3456789"]), "%H:%M:%S.%f").to_pylist()
        ['14:59:12.345678']
    """
    if written is None:
        return pc.replace_substring_regex(texts, _ISO_FRACTION, r"\1")
    if "f" not in directives(written):
        return texts
    before, after = (_pattern(part) for part in _around(written, "%f"))
    # A cell that strptime takes stays as it is: its digits may be read in another way, too.
    is_whole = pc.match_substring_regex(texts, rf"(?i)^{before}\d{{1,6}}{after}$")
    if pc.all(is_whole).as_py():
        return texts
    cut = pc.replace_substring_regex(texts, rf"(?i)^({before}\d{{6}})\d+({after})$", r"\1\2")
    return pc.if_else(is_whole, texts, cut)


def leap_seconds(texts: pa.Array, written: str | None) -> Array:
    """Say which times have second 60 or 61, bool [n].

    Python has no such seconds and refuses them; pandas would take them for those of the next
    minute.

    Args:
        texts: The times as strings [n], with fractions of at most six digits.
        written: How they are written; None for ISO 8601.

    Example:
        >>> leap_seconds(pa.array(["23:59:60", "23:59:06"]), "%H:%M:%S").tolist()
        [True, False]
    """
    found: Array = np.zeros(len(texts), np.bool_)
    if written is None or "S" not in directives(written):
        return found
    before, after = (_pattern(part) for part in _around(written, "%S"))
    likely = pc.match_substring_regex(texts, f"(?i)^{before}6[01]{after}$").fill_null(False)
    rows = np.flatnonzero(np.asarray(likely))
    if len(rows):
        # Of %M%S%f, 56000 is minute 56, although minute 5 and second 60 would do as well. Like
        # strptime, this takes the first way to read the digits, and does not look for the end.
        pattern = f"(?i)^{before}(?P<second>{_PATTERNS['S']}){after}"
        times = pc.extract_regex(texts.take(arrow_array(rows)), pattern)
        seconds = pc.struct_field(times, "second")
        found[rows] = np.asarray(pc.is_in(seconds, value_set=pa.array(["60", "61"])))
    return found


def _around(written: str, directive: str) -> tuple[str, str]:
    parts = re.split("(%.)", written)
    place = parts.index(directive)
    return "".join(parts[:place]), "".join(parts[place + 1 :])


def _pattern(written: str) -> str:
    """Return the regular expression of a part of a format."""
    parts = re.split("(%.)", written)
    return "".join(_PATTERNS[part[1]] if part.startswith("%") else _literal(part) for part in parts)


def _literal(text: str) -> str:
    # strptime takes any white space for any other.
    return r"\s+".join(map(re.escape, re.split(r"\s+", text)))
