"""Names the key of a recipe that would take a row of a CSV file as it is, for errors about rows."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from shardmill.raw.csv.csv_rows import CsvRows
from shardmill.raw.csv.split_rows import split_rows
from shardmill.recipe.csv_options import WHITESPACE, Csv

# The likelier ones first.
_CHANGES: Sequence[tuple[str, Any]] = (
    ("trailing_delimiter", True),
    ("skip_space", True),
    *(("delimiter", sign) for sign in (";", "\t", "|", ",")),
    ("quote", "'"),
    ("quote", '"'),
    ("escape", "\\"),
    ("delimiter", WHITESPACE),
)


def key_for_row(row: bytes, options: Csv, accepts: Callable[[Sequence[str]], bool]) -> str | None:
    r"""Return a key and its value, with which a row has the right fields; None if there is none.

    Args:
        row: The row, without the end of its line.
        options: How the file is said to be written.
        accepts: Says whether fields are right.

    Example:
        >>> key_for_row(b"1\t2", Csv(), lambda fields: len(fields) == 2)
        'csv.delimiter = "\\t"'
    """
    now = _fields(row, options, {})
    for key, value in _CHANGES:
        fields = _fields(row, options, {key: value})
        if fields != now and accepts(fields):
            return f"csv.{key} = {json.dumps(value)}"
    return None


def _fields(row: bytes, options: Csv, change: dict[str, Any]) -> list[str]:
    """Return the fields of a row in a dialect; none if the dialect or the row is impossible."""
    said = {key: getattr(options, key) for key in options.model_fields_set}
    try:
        changed = Csv.model_validate(said | change)
        row.decode()
    except (ValidationError, UnicodeDecodeError):
        return []
    rows = CsvRows.of(row, changed)
    if len(rows) != 1 or rows.unclosed[0]:
        return []
    (fields,) = split_rows([row], changed)
    if changed.trailing_delimiter and not fields[-1]:
        fields.pop()
    return fields
