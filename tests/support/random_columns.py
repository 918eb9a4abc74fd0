"""Hypothesis strategies for columns of tables: their keys in a recipe, and cells for them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

# Cells that some columns take and others refuse, or that a reader may take for something else.
_MISSING = ["", " ", "?", " ? ", "NA", "nan", "NaN", "inf", "-inf", "null", "None", "<missing>"]
_NUMBERS = ["1", "0", "1.0", "0.0", "01", "+1", "-1", "--1", "1.", ".5", "-.5", "-0", "22.0", "1e3"]
_SIZES = ["9" * 25, "1e39", "1E-2", "1e400", "9223372036854775808", "-9223372036854775808"]
_MARKS = ["0x1f", "1_000", "1,234", "1.234,5", "1 234", "1\u00a0234", "\u0661", "\u00bd"]
_UNITS = ["12.5%", "12 %", "$5", "-$5", "$-5", "5 kg", "kg5", "44196", "60", "1609459200.5"]
_DAYS = ["2024-02-29", "2023-02-29", "0000-01-01", "9999-12-31", "29.02.2024", "20240229"]
_TIMES = ["2024-02-29T12:30", "2024-02-29 12:30:15.25Z", "2024-02-29T01:30+02:00", "12:30"]
_TEXTS = ["a", "b ", " b", "A", "z", "True", "false", "JA", "\u0130", "\u03c3\u03c2", "e\u0301"]
_SIGNS = [
    '"',
    "a,b",
    "a;b",
    "#a",
    "\\N",
    "'",
    "a\nb",
    "a\r\nb",
    "\ufeffa",
    "\x00",
    "\u2028",
    "\x1fa",
]
ODD = (*_MISSING, *_NUMBERS, *_SIZES, *_MARKS, *_UNITS, *_DAYS, *_TIMES, *_TEXTS, *_SIGNS)


@dataclass(frozen=True, slots=True)
class RandomColumn:
    """A column of a recipe.

    Attributes:
        keys: What the recipe says of it.
        good: Cells that it takes, and that are not missing.
        group: The dtype of a group of its own; None for the default.
    """

    keys: dict[str, Any]
    good: tuple[str, ...]
    group: str | None = None

    def toml(self) -> str:
        """Return the keys as an inline table."""
        return f"{{ {', '.join(f'{key} = {_toml(value)}' for key, value in self.keys.items())} }}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(k)} = {_toml(v)}' for k, v in value.items())} }}"
    return json.dumps(value)


def _maybe(draw: st.DrawFn, **choices: Sequence[Any]) -> dict[str, Any]:
    """Draw some of the keys, each with one of its values."""
    return {key: draw(st.sampled_from(of)) for key, of in choices.items() if draw(st.booleans())}


def _missing(draw: st.DrawFn, good: Sequence[str], *ways: str) -> dict[str, Any]:
    keys = _maybe(draw, missing_values=[["NA"], ["-1", "z"], [" ?"], ["-9.0"], ["2024-02-29"]])
    if set(keys.get("missing_values", ())) & {*good}:
        keys = {}
    return {**keys, "missing": draw(st.sampled_from(["error", "drop", *ways]))}


@st.composite
def number_columns(draw: st.DrawFn) -> RandomColumn:
    """Columns of int64 and float64."""
    dtype = draw(st.sampled_from(["int64", "float64"]))
    decimal, thousands = draw(st.sampled_from([(".", ""), (".", ","), (",", "."), (".", " ")]))
    keys = {"dtype": dtype} | _maybe(
        draw, prefix=["$", ["$", ""]], suffix=["%", ["kg", ""]], scale=["standardise", "min_max"]
    )
    keys |= {"decimal": decimal, "thousands": thousands} if thousands or draw(st.booleans()) else {}
    prefix, suffix = (draw(st.sampled_from([*_texts(keys, key)])) for key in ("prefix", "suffix"))
    good = [f"{prefix}{number}{suffix}" for number in ("7", "12", "3", "7")]
    if dtype == "float64":
        good.append(f"{prefix}0{decimal}25{suffix}")
    keys |= _missing(draw, good, "keep", "median", "mean", "mode", "constant")
    if keys["missing"] == "constant":
        keys["fill"] = draw(st.sampled_from([0, 3, -7]))
    group = draw(st.sampled_from([None, "float64", "float32"]))
    if dtype == "int64" and "scale" not in keys and keys["missing"] in ("error", "drop", "mode"):
        group = draw(st.sampled_from([group, "int64", "int16", "uint8"]))
    return RandomColumn(keys, tuple(good), group)


def _texts(keys: dict[str, Any], key: str) -> list[str]:
    value = keys.get(key, "")
    return value if isinstance(value, list) else [value]


@st.composite
def bool_columns(draw: st.DrawFn) -> RandomColumn:
    """Columns of bool."""
    keys: dict[str, Any] = {"dtype": "bool"}
    good = draw(st.sampled_from([("yes", "0"), ("True", "false"), ("1", "F")]))
    own = draw(st.sampled_from([None, ("Ja", "Nein"), ("1.0", "0.0"), ("\u0130", "\u03c3\u03c2")]))
    if own is not None:
        keys |= {"true": [own[0]], "false": [own[1]]}
        good = own
    return RandomColumn(keys | _missing(draw, good, "mode", "keep"), good)


@st.composite
def text_columns(draw: st.DrawFn) -> RandomColumn:
    """Columns of str, with categories or a map."""
    keys: dict[str, Any] = {"dtype": "str"} | _maybe(draw, strip=[False], encode=["one_hot"])
    good = draw(
        st.sampled_from(
            [("a", "b"), ("1", "0"), ("True", "False"), ("true", "false"), ("1.0", "2.5")]
        )
    )
    ways = ["mode"]
    kind = draw(st.sampled_from(["learn", "categories", "map"]))
    if kind == "map":
        keys.pop("encode", None)
        keys["map"] = {text: number * 3 for number, text in enumerate(good)}
    else:
        keys["categories"] = "learn" if kind == "learn" else list(good)
        keys |= _maybe(draw, unseen=["error", "unknown"])
        ways.append("keep")
    keys |= _missing(draw, good, *ways)
    return RandomColumn(keys, good)


FORMATS = ["%d.%m.%Y", "%Y%m%d", "%d %b %Y", "%Y-%m-%d %H:%M:%S.%f", "%I:%M %p %d/%m/%y"]
PARTS = [["year", "month"], ["weekday", "hour"], ["yearday", "second"]]


@st.composite
def time_columns(draw: st.DrawFn) -> RandomColumn:
    """Columns of date and timestamp."""
    dtype = draw(st.sampled_from(["date", "timestamp"]))
    keys: dict[str, Any] = {"dtype": dtype} | _maybe(draw, parts=PARTS)
    times = [datetime(2024, 2, 29, 12, 30, tzinfo=UTC), datetime(1999, 12, 1, tzinfo=UTC)]
    written = draw(st.sampled_from(["iso", "format", "unit"]))
    if written == "format":
        keys["format"] = draw(st.sampled_from(FORMATS))
        good = [time.strftime(keys["format"]) for time in times]
    elif written == "unit":
        keys |= {"unit": draw(st.sampled_from(["s", "ms", "us", "excel"]))}
        keys |= _maybe(draw, decimal=[","], thousands=[" "], suffix=[["s", ""]])
        good = ["44196", "1"]
    else:
        length = len("2024-02-29") if dtype == "date" else None
        good = [time.replace(tzinfo=None).isoformat()[:length] for time in times]
    if dtype == "timestamp":
        keys |= _maybe(draw, timezone=["Europe/Berlin", "America/Chicago"])
    if "parts" not in keys:
        keys |= _maybe(draw, scale=["standardise"])
    keys |= _missing(draw, good, "mode", "median")
    if "parts" in keys and keys["missing"] == "median":
        keys["missing"] = "drop"
    return RandomColumn(keys, tuple(good))


columns = st.one_of(number_columns(), bool_columns(), text_columns(), time_columns())


def cells_for(column: RandomColumn) -> st.SearchStrategy[str]:
    """Cells of a column: good ones, odd ones, and both with a little changed."""
    some = st.sampled_from([*column.good, *ODD])
    padded = st.tuples(st.sampled_from(["", " ", "\u00a0", "-", "+"]), some).map("".join)
    return st.one_of(some, st.tuples(padded, st.sampled_from(["", " ", "\t", "0"])).map("".join))
