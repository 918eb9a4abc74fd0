"""Compares the header of a CSV file with the columns of a recipe."""

import json
from collections.abc import Sequence

from shardmill.errors import ColumnsError
from shardmill.raw.csv.keys_for_row import key_for_row
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.csv_options import Csv
from shardmill.recipe.names import listed


def check_columns(
    found: Sequence[str], columns: SourceColumns, options: Csv, where: str, *, row: bytes
) -> None:
    """Compare the names in a header with the columns of the recipe.

    Columns that are not wanted, as those that the recipe drops, may be missing.

    Args:
        found: The names in the header.
        columns: The columns of the recipe.
        options: How the file is written.
        where: The file and the line, for the error.
        row: The header as the file has it, for the error.

    Raises:
        ColumnsError: A wanted column is missing, a column of the recipe stands there twice, or
            another column is there although the recipe does not say that it is ignored.
    """
    missing = [name for name in columns.wanted() if name not in found]
    others = [name for name in found if name not in columns.names]
    unknown = others if missing or options.other_columns == "fail" else []
    twice = sorted({name for name in found if name in columns.names and found.count(name) > 1})
    facts = [f"without {listed(missing)}"] if missing else []
    if unknown:
        facts.append(f"with {listed([repr(name) for name in unknown])} besides")
    if twice:
        facts.append(f"with {listed([repr(name) for name in twice])} more than once")
    if facts:
        raise ColumnsError(
            where,
            expected=f"the columns {listed(columns.names)}",
            found=f"{len(found)} columns {' and '.join(facts)}",
            fix=_fix(found, missing, unknown, options=options, row=row, columns=columns),
        )


def _fix(
    found: Sequence[str],
    missing: Sequence[str],
    unknown: Sequence[str],
    *,
    options: Csv,
    row: bytes,
    columns: SourceColumns,
) -> str:
    """Return what would make the recipe fit the file, most likely."""
    first = found[0] if found else ""
    if first.startswith(("#", "//", "%")) and not options.comment:
        return f"set csv.comment = {json.dumps(first[0])} in the recipe, if the line is no header"

    def accepts(names: Sequence[str]) -> bool:
        all_known = {*columns.wanted()} <= {*names} <= {*columns.names}
        return all_known and len({*names}) == len(names)

    key = key_for_row(row, options, accepts)
    if key is not None:
        return f"set {key} in the recipe"
    if len(missing) == len(unknown) == len(found):
        return "set csv.header = false in the recipe if the first row is no header, or correct it"
    if unknown and not missing:
        unnamed = ' (one without a name is called "")' if "" in unknown else ""
        return (
            f'add them to the columns of the recipe{unnamed}, or set csv.other_columns = "ignore"'
        )
    return "correct the header, or the columns of the recipe"
