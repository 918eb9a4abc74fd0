"""Guesses what a column is from what is known of its cells."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pyarrow as pa

from shardmill.pipeline.infer.column_facts import ColumnFacts
from shardmill.pipeline.infer.guess import Guess
from shardmill.pipeline.infer.time_forms import COMPACT, TIME_FORMS

_ID_NAME = re.compile(
    r"(?:.*[^a-z])?(?:id|uuid|guid|index|idx|key|rowid|row)|.*id|unnamed: \d+|", re.I
)
_ONE_HOT = 10
_DAY = ["year", "month", "day", "weekday"]
_MOST_CATEGORIES = 1_000
_TEXT_WORDS = 4.0
_FEWEST_ROWS = 20  # fewer rows say little about which values repeat


def is_text(facts: ColumnFacts) -> bool:
    """Say whether the cells of a column are free texts: several words, hardly two alike."""
    if facts.known == 0 or (
        facts.arrow_type is not None and not pa.types.is_string(facts.arrow_type)
    ):
        return False
    distinct = len(facts.values) if facts.is_closed else facts.known
    has_words = facts.words >= _TEXT_WORDS * facts.texts or facts.scripts * 2 > facts.texts
    return has_words and distinct > facts.known * 0.3


def may_be_text(facts: ColumnFacts) -> bool:
    """Say whether a column that is the only feature is one of short texts: no two cells are alike.

    As categories, such cells would tell nothing.
    """
    found = facts.arrow_type
    typed = found is not None and not pa.types.is_string(found)
    distinct = facts.is_closed and len(facts.values) == facts.known > 1
    return not typed and distinct and facts.words > facts.texts


def guess_column(facts: ColumnFacts, *, keep: bool = False) -> Guess:
    """Return the keys of a column that is a feature, or that is dropped.

    Args:
        facts: What is known of the column.
        keep: Whether a column is a feature although it looks like an identifier, or is the same in
            every row.
    """
    kind = _digits_of_time(facts) or _number(facts) or _bool(facts) or _time(facts)
    if facts.known == 0:
        return _drop("str", "all cells are missing")
    if keep:
        return kind or _category(facts)
    if facts.is_closed and len(facts.values) == 1 and not facts.missing:
        return _drop(kind.keys["dtype"] if kind else "str", "the same in every row")
    if _is_id(facts):
        return _drop(
            kind.keys["dtype"] if kind else "str",
            "another one in every row, so it is most likely an identifier",
        )
    return kind or _category(facts)


def _drop(dtype: str, reason: str) -> Guess:
    return Guess({"dtype": dtype, "drop": True}, f"{reason}; without drop it would be a feature")


def _is_id(facts: ColumnFacts) -> bool:
    if not facts.is_closed and facts.name and not _ID_NAME.fullmatch(facts.name):
        return False
    unique = facts.known == facts.rows and (not facts.is_closed or len(facts.values) == facts.rows)
    if not unique or facts.rows < 2:
        return False
    named = _ID_NAME.fullmatch(facts.name) is not None
    if facts.all_are("int"):
        counts = facts.is_rising and facts.first in (0, 1) and facts.rows >= _FEWEST_ROWS
        return named or counts
    return named and not facts.all_are("float")


def _missing(facts: ColumnFacts, how: str) -> tuple[dict[str, Any], str]:
    """Return the keys for missing cells, and what was decided about them."""
    if not facts.missing:
        return {}, ""
    keys: dict[str, Any] = {"missing": how}
    spelled = sorted(text for text in facts.missing if text)
    if spelled:
        keys["missing_values"] = spelled
    count, rows = facts.missing.total(), facts.rows
    said = f" ({', '.join(map(repr, spelled))})" if spelled else ""
    return keys, f"{count:,} of {rows:,} cells are missing{said}"


def number_keys(facts: ColumnFacts) -> Guess | None:
    """Return the dtype of a column of numbers and how they are written; None if they are none."""
    found = facts.arrow_type
    if found is not None and (
        pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found)
    ):
        return Guess(
            {"dtype": "int64" if pa.types.is_integer(found) or facts.all_are("int") else "float64"}
        )
    if facts.has_zeros:
        return None
    if facts.all_are("int"):
        return Guess({"dtype": "int64"})
    if facts.all_are("float"):
        return Guess({"dtype": "float64"})
    return _signed(facts) or _with_marks(facts)


def _signed(facts: ColumnFacts) -> Guess | None:
    """Return the keys of numbers with a percent sign or a currency."""
    if facts.all_are("percent"):
        return Guess({"dtype": "float64", "suffix": "%"})
    if facts.all_are("currency"):
        signs = {m[0] for text in facts.values if (m := re.search("[$€£¥]", text))}
        more = {"thousands": ","} if any("," in text for text in facts.values) else {}
        return Guess(
            {"dtype": "float64", "prefix": sorted(signs) if len(signs) > 1 else signs.pop(), **more}
        )
    return None


def _with_marks(facts: ColumnFacts) -> Guess | None:
    """Return the keys of numbers with other marks than a decimal point, or with odd cells."""
    if facts.all_are("thousands") and any(text.count(",") for text in facts.values):
        sure = any(text.count(",") > 1 or "." in text for text in facts.values)
        comma = facts.all_are("decimal_comma")
        if sure or not comma:
            return Guess(
                {
                    "dtype": "float64" if any("." in t for t in facts.values) else "int64",
                    "thousands": ",",
                }
            )
        return Guess(
            {"dtype": "int64", "thousands": ","},
            'a comma before three digits each time; if it is a decimal mark, say decimal = ","',
        )
    if facts.odd_cells() and not facts.all_are("decimal_comma"):
        said = f"{facts.odd_cells():,} of {facts.rows:,} cells are no numbers, as {facts.odd!r}"
        return Guess({"dtype": "float64"}, f"{said}; their rows go to quarantine")
    if facts.all_are("decimal_comma"):
        more = {"thousands": "."} if any("." in text for text in facts.values) else {}
        return Guess({"dtype": "float64", "decimal": ",", **more})
    return None


def _number(facts: ColumnFacts) -> Guess | None:
    found = number_keys(facts)
    if found is None:
        return None
    more, said = _missing(facts, "median")
    reasons = [found.reason] if found.reason else []
    if facts.all_are("seconds") and facts.rows >= 2:
        reasons.append(
            'if these are seconds since 1970: dtype = "timestamp", unit = "s", parts = ["hour"]'
        )
    reasons += [f"{said}; the median of train takes their place"] if said else []
    return Guess({**found.keys, **more}, "; ".join(reasons))


def _bool(facts: ColumnFacts) -> Guess | None:
    typed = facts.arrow_type is not None and pa.types.is_boolean(facts.arrow_type)
    spelled = {text.lower() for text in facts.values}
    pairs = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})
    if not typed and not (facts.is_closed and spelled in pairs):
        return None
    more, said = _missing(facts, "mode")
    return Guess(
        {"dtype": "bool", **more},
        f"{said}; the more frequent value takes their place" if said else "",
    )


def _time(facts: ColumnFacts) -> Guess | None:
    found = facts.arrow_type
    keys: dict[str, Any] = {}
    reason = ""
    if facts.all_are("date") or (found is not None and pa.types.is_date(found)):
        keys = {"dtype": "date", "parts": _DAY}
    elif facts.all_are("timestamp") or (found is not None and pa.types.is_timestamp(found)):
        keys = {"dtype": "timestamp", "parts": [*_DAY, "hour"]}
    else:
        keys, reason = _written_time(facts)
    if not keys:
        return None
    more, said = _missing(facts, "median")
    return Guess({**keys, **more}, "; ".join(text for text in (reason, said) if text))


def _written_time(facts: ColumnFacts) -> tuple[dict[str, Any], str]:
    """Return the keys of times that are not in ISO 8601, and what is not sure about them."""
    forms = [form for form in TIME_FORMS if form not in COMPACT and facts.all_are(form)]
    if not forms:
        return {}, ""
    others = [form for form in forms if form.replace("%B", "%b") != forms[0]]
    reason = f"no cell says which number is the day; it may be {others[0]}" if others else ""
    return _time_keys(forms[0]), reason


def _digits_of_time(facts: ColumnFacts) -> Guess | None:
    """Return the keys of times that are written as digits alone, if all cells are such times."""
    form = next((form for form in COMPACT if facts.all_are(form)), None)
    if form is None or len(facts.values) < 2 or not facts.is_closed:
        return None
    more, said = _missing(facts, "median")
    number = "float64" if "." in form else "int64"
    reason = f'all cells can be read as {form}; if they are numbers: dtype = "{number}"'
    return Guess({**_time_keys(form), **more}, "; ".join(text for text in (reason, said) if text))


def _time_keys(form: str) -> dict[str, Any]:
    has_clock = "%M" in form
    parts = [*_DAY, "hour"] if has_clock else _DAY
    return {"dtype": "timestamp" if has_clock else "date", "format": form, "parts": parts}


def _with_values(facts: ColumnFacts) -> ColumnFacts:
    """Return facts in which spellings of a missing cell that may be categories are such.

    `NA` beside `US` and `DE` is Namibia. A category of its own says as much as a missing cell does,
    so there is nothing to lose.
    """
    codes = all(re.fullmatch("[A-Z]{2}", text) for text in facts.values)
    may_be = {"none", "-", "--", ".", "nil", "missing", *(["na"] if codes else [])}
    back = {text: n for text, n in facts.missing.items() if text.lower() in may_be}
    if not back:
        return facts
    missing = Counter({text: n for text, n in facts.missing.items() if text not in back})
    return replace(facts, missing=missing, values=facts.values + Counter(back))


def _category(facts: ColumnFacts) -> Guess:
    facts = _with_values(facts)
    distinct = len(facts.values)
    if is_text(facts):
        reason = 'texts are left out; dtype = "text" without drop keeps their tokens'
        return Guess({"dtype": "str", "drop": True}, reason)
    repeats = distinct * 2 <= facts.known or facts.rows < _FEWEST_ROWS
    if not facts.is_closed or distinct > _MOST_CATEGORIES or not repeats:
        many = f"{distinct:,}" if facts.is_closed else f"more than {distinct:,}"
        return Guess(
            {"dtype": "str", "drop": True},
            f'{many} values in {facts.rows:,} rows; as a feature: categories = "learn", '
            f"max_categories = 100",
        )
    more, said = _missing(facts, "keep")
    keys: dict[str, Any] = {"dtype": "str", "categories": "learn", **more}
    if distinct <= _ONE_HOT:
        keys["encode"] = "one_hot"
    reasons = []
    if facts.has_zeros:
        reasons.append("digits with zeros before them are no numbers")
    if said:
        reasons.append(f"{said}, a level of their own")
    return Guess(keys, "; ".join(reasons))
