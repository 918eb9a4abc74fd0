"""Parses lines that each hold a JSON object, as columns.

Arrow parses whole chunks, in the types that the file has. What it refuses is parsed line by line,
with Python's `json`, to find out which lines are wrong and to take values of several types in one
column. Both give the same values: a number that stands where a text is needed is spelled by its
value, as `texts_of` does.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.json as pj

from shardmill.format.arrow_arrays import string_array
from shardmill.raw.spell_values import texts_of

_TYPES = {bool: pa.bool_(), int: pa.int64(), str: pa.string()}
_BLANK_LINE = re.compile(rb"(?:\A|\n)[ \t\r]*(?:\n|\Z)")
# JSON has none of these, but Python and others write them. NaN stands for a missing value.
_CONSTANTS = {"NaN": None, "Infinity": math.inf, "-Infinity": -math.inf}


class BadLine(NamedTuple):
    """A line that is no row.

    Attributes:
        line: The number of the line, counted from 0.
        reason: What was expected and found.
    """

    line: int
    reason: str


class ParsedLines(NamedTuple):
    """The rows of some lines.

    Attributes:
        table: The rows [n].
        bad: The lines that are no rows.
        lines: The number of the line of each row; None if each line is a row.
    """

    table: pa.Table
    bad: list[BadLine]
    lines: list[int] | None


def types_of(lines: Iterable[bytes], floats: Sequence[str]) -> dict[str, pa.DataType]:
    """Return the type of each key of some lines, by what most likely parses all others at once.

    Args:
        lines: Some lines of a file. Those that are no objects are left out.
        floats: The keys whose numbers are read as floats.

    Example:
        >>> types_of([b'{"n": 1, "t": "a"}', b'{"n": 2.5, "t": "b"}'], floats=["n"])
        {'n': DataType(double), 't': DataType(string)}
    """
    seen: dict[str, set[type]] = {}
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for key, value in row.items() if isinstance(row, dict) else ():
            seen.setdefault(key, set()).update({type(value)} - {type(None)})
    return {key: _type(found, is_float=key in floats) for key, found in seen.items()}


def _type(found: set[type], *, is_float: bool) -> pa.DataType:
    if is_float and found <= {int, float}:
        return pa.float64()
    # Other numbers with a point are parsed as Python's, so that none of their digits is lost.
    return _TYPES.get(next(iter(found)), pa.string()) if len(found) == 1 else pa.string()


def parse_lines(data: bytes, types: Mapping[str, pa.DataType]) -> ParsedLines:
    """Return the rows of whole lines.

    A key that a line lacks is a null. Keys without a type are left out, and so are blank lines.

    Args:
        data: The lines.
        types: The wanted keys, and the types in which they are likely.
    """
    table = _parse_at_once(data, types)
    if table is not None:
        return ParsedLines(table, [], None)
    columns: dict[str, list[str | None]] = {name: [] for name in types}
    bad, lines = [], []
    for number, line in enumerate(data.split(b"\n")):
        if not line.strip():
            continue
        try:
            row = _row(line, types)
        except _WrongLineError as error:
            bad.append(BadLine(number, str(error)))
            continue
        lines.append(number)
        for name, cells in columns.items():
            cells.append(row[name])
    return ParsedLines(pa.table({n: _strings(c) for n, c in columns.items()}), bad, lines)


def _parse_at_once(data: bytes, types: Mapping[str, pa.DataType]) -> pa.Table | None:
    """Return the rows of lines of which each is one, in their types; None if Arrow refuses."""
    # Arrow takes any bytes for texts, and two objects in one line. The number of rows shows the
    # latter, unless there are blank lines.
    body = data.removesuffix(b"\n")
    lines = body.count(b"\n") + 1
    if _BLANK_LINE.search(body):
        return None
    try:
        if not data.isascii():
            data.decode()
        table = pj.read_json(
            pa.py_buffer(data),
            pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            pj.ParseOptions(pa.schema(list(types.items())), unexpected_field_behavior="ignore"),
        )
    except (UnicodeDecodeError, pa.ArrowException):
        return None
    return table.select(list(types)) if len(table) == lines else None


class _WrongLineError(Exception):
    """A line is no row."""


def _row(line: bytes, types: Mapping[str, pa.DataType]) -> dict[str, str | None]:
    try:
        row = json.loads(line.decode(), object_pairs_hook=_pairs, parse_constant=_CONSTANTS.get)
    except UnicodeDecodeError:
        raise _WrongLineError("expected UTF-8, found other bytes") from None
    except RecursionError:
        raise _WrongLineError("expected an object of single values, found very deep ones") from None
    except ValueError as error:
        raise _WrongLineError(
            f"expected a JSON object, found text that is none ({error})"
        ) from None
    if not isinstance(row, dict):
        raise _WrongLineError(f"expected a JSON object, found {_words(row)}")
    return {name: _spelled(name, row.get(name), kind) for name, kind in types.items()}


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _WrongLineError(f"expected each key once, found {twice!r} twice")
    return found


def _spelled(name: str, value: Any, kind: pa.DataType) -> str | None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _WrongLineError(
                f"{name}: expected characters of Unicode, found half of one"
            ) from None
        return value
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, int) and pa.types.is_floating(kind):
        with suppress(OverflowError):
            value = float(value)  # as Arrow reads it among rows that it takes
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text: str = texts_of(pa.array([value]))[0].as_py()
        return text
    raise _WrongLineError(f"{name}: expected a single value, found {_words(value)}")


def _words(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null"}
    return names.get(type(value), "a number")


def _strings(cells: Sequence[str | None]) -> pa.Array:
    return pa.array(cells, pa.string()) if None in cells else string_array([c or "" for c in cells])
