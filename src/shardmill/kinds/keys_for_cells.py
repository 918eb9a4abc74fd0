"""Names the keys of a recipe that would take a cell as it is, for the errors about cells."""

import re

from shardmill.recipe.number_format import PLAIN_NUMBERS, NumberFormat
from shardmill.recipe.tabular_column import Column

_GROUPED = r"[+-]?\d[\d.,'\u2019 \u00a0\u2009\u202f_]*"


def keys_for_number(cell: str, form: NumberFormat = PLAIN_NUMBERS) -> str:
    """Return the keys of a column, with spaces between them, that would make a cell a number.

    Args:
        cell: The cell, which is no number of the column.
        form: How the numbers of the column are written.

    Example:
        >>> keys_for_number("1,234"), keys_for_number("5 kg"), keys_for_number("NA")
        ('decimal thousands', 'suffix', 'missing_values')
    """
    if re.fullmatch(rf"[+-]?(\d*{re.escape(form.decimal)})?\d+([eE][+-]?\d+)?", cell):
        needs = {"prefix": "" not in form.prefix, "suffix": "" not in form.suffix}
        return " ".join(key for key, needed in needs.items() if needed)
    if re.fullmatch(r"[+-]?\d+[.,]\d{3}", cell):
        return "decimal thousands"
    if re.fullmatch(r"[+-]?\d*[.,]\d+", cell):
        return "decimal"
    if re.fullmatch(_GROUPED, cell):
        return "thousands"
    if re.match(_GROUPED, cell):
        return "suffix"
    if re.search(r"\d$", cell):
        return "prefix"
    return "" if re.search(r"\d", cell) else "missing_values"


def keys_for_time(cell: str, column: Column) -> str:
    """Return the keys of a column, with spaces between them, that would make a cell a time."""
    if not re.search(r"\d", cell):
        return "missing_values"
    if column.unit is not None:
        return ""
    is_number = re.fullmatch(r"-?\d+([.,]\d+)?", cell) is not None
    return "format unit" if is_number and column.format is None else "format"


def is_hexadecimal(cell: str) -> bool:
    """Say whether a cell is a number in hexadecimal digits."""
    return re.fullmatch(r"[+-]?0[xX][0-9a-fA-F]+", cell) is not None
