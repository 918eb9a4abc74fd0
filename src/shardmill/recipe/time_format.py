"""The formats of dates and timestamps that a recipe may state.

A format is what `datetime.strptime` takes. Formats that Python and pandas read differently are
refused, and so are those whose meaning depends on the place or on the machine.
"""

import re
from datetime import UTC, datetime
from typing import Literal

# The directives that Python's strptime and pandas both know.
_KNOWN = frozenset("aAbBcdfGHIjmMpSuUVwWxXyYzZ%")
_OF_DIGITS = frozenset("dfGHIjmMSuVwyYcxX")
_DAYS_OF_A_WEEK = frozenset("aAuw")


def directives(written: str) -> list[str]:
    """Return the letters of the directives in a format, in order.

    Example:
        >>> directives("%d.%m.%Y at 100%%")
        ['d', 'm', 'Y', '%']
    """
    return re.findall("%(.?)", written, re.DOTALL)


def format_fault(written: str, dtype: Literal["date", "timestamp"]) -> str:
    """Return what is wrong with a format; empty if nothing is."""
    used = directives(written)
    fault = _unknown(used) or _zone(used, dtype) or _week(set(used)) or _run_together(written)
    return fault or _unreadable(written)


def _unknown(used: list[str]) -> str:
    unknown = [letter for letter in used if letter not in _KNOWN]
    return f"has %{unknown[0]}, which strptime does not know" if unknown else ""


def _zone(used: list[str], dtype: str) -> str:
    if "Z" in used:
        return (
            "has %Z, and the name of a zone is not the same time everywhere; use %z, or write the "
            "name into the format if all times are in UTC"
        )
    if "z" in used and dtype == "date":
        return 'has %z, and a date has no offset; use dtype = "timestamp"'
    return ""


def _week(used: set[str]) -> str:
    day = bool(used & _DAYS_OF_A_WEEK)
    if used & {"U", "W"}:
        return (
            "has %U or %W, which are read in different ways before the first week; use %G, %V, %u"
        )
    if used & {"G", "V"} and not ({"G", "V"} <= used and day):
        return "has only a part of %G, %V and the day of the week, which name a day together"
    if used & {"G", "V"} and used & {"Y", "y", "j"}:
        return "has %G and %V beside another year or week"
    return ""


def _run_together(written: str) -> str:
    """Refuse digits after a fraction or an offset, which may have further digits themselves."""
    for letter, after in re.findall(r"%(f|z:?)(\d|%.)", written.replace("%%", " ")):
        if after[-1].isdigit() or after[-1] in _OF_DIGITS:
            return f"has %{letter} right before other digits, so that nothing says where it ends"
    return ""


def _unreadable(written: str) -> str:
    moment = datetime(2020, 2, 29, 13, 14, 15, tzinfo=UTC)
    try:
        datetime.strptime(moment.strftime(written), written)
    except (ValueError, re.error) as error:
        return f"cannot be read by strptime: {error}"
    return ""
