"""Hints for names that nobody knows: the closest known name, or all of them."""

import difflib
from collections.abc import Iterable


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was probably meant to be, or None if none is close.

    The measure is `difflib.get_close_matches` with its default cutoff of 0.6.

    Example:
        >>> closest("vaildation", ["train", "validation", "test"])
        'validation'
    """
    matches = difflib.get_close_matches(name, list(known), n=1)
    return matches[0] if matches else None


def hint(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return "did you mean ...?" with the closest known name, or `otherwise` if none is close.

    Example:
        >>> hint("tset", ["train", "test"], "check the name")
        'did you mean test?'
    """
    close = closest(name, known)
    return otherwise if close is None else f"did you mean {close}?"
