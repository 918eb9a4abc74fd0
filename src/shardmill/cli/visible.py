"""Makes texts of data fit for a terminal: no control character reaches it."""

import math
from collections.abc import Iterable


def visible(text: object, most: int | None = None) -> str:
    r"""Return a text on one line, with all that is not printable as an escape, perhaps cut.

    Args:
        text: The text, or a value of another type.
        most: How many characters it has at most.

    Example:
        >>> visible("a\tb\x1b[31m"), visible("abcdef", 4)
        ('a\\tb\\x1b[31m', 'abc…')
    """
    whole = str(text)
    if most is not None:
        whole = whole[: most + 1]  # an escape is not shorter than its character
    shown = "".join(c if c.isprintable() else _escaped(c) for c in whole)
    return shown if most is None or len(shown) <= most else f"{shown[: most - 1]}…"


def number(value: float | None, *, grouped: bool = True) -> str:
    """Return a number with at most six digits if it is not whole. None is one that JSON lacks.

    Args:
        value: The number.
        grouped: Whether commas stand between groups of three digits of a whole number.

    Example:
        >>> number(1234567), number(0.30000001), number(None)
        ('1,234,567', '0.3', 'nan')
    """
    if value is None:
        return "nan"
    if not math.isfinite(value) or value != int(value) or abs(value) >= 1e15:
        return f"{value:.6g}"
    return f"{int(value):,}" if grouped else str(int(value))


def listed(words: Iterable[object], most: int) -> str:
    """Return the first of some words with commas, and how many more there are.

    Example:
        >>> listed(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    every = list(words)
    first = ", ".join(visible(word, 40) for word in every[:most])
    return first if len(every) <= most else f"{first} and {len(every) - most:,} more"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
