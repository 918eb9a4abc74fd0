"""Compares the columns of a file that has types with those of a recipe."""

from collections import Counter
from pathlib import Path

import pyarrow as pa

from shardmill.errors import ColumnsError
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.names import listed


def check_schema(
    schema: pa.Schema, columns: SourceColumns, path: Path | str, *, others_fail: bool
) -> None:
    """Compare the columns of a file with the columns of the recipe.

    Columns that are not wanted, as those that the recipe drops, may be missing.

    Args:
        schema: The columns of the file.
        columns: The columns of the recipe.
        path: The file, or what else has the columns, for the error.
        others_fail: Whether a column that the recipe does not name is an error.

    Raises:
        ColumnsError: A wanted column is missing, is there twice or has a type that is no single
            value, or another column is there although that is an error.
    """
    times = Counter(schema.names)
    wanted = columns.wanted()
    missing = [name for name in wanted if not times[name]]
    others = [name for name in times if name not in columns.names] if others_fail else []
    twice = [name for name in wanted if times[name] > 1]
    facts = [f"without {listed(missing)}"] if missing else []
    facts += [f"with {listed([repr(name) for name in others])} besides"] if others else []
    facts += [f"with {listed([repr(name) for name in twice])} more than once"] if twice else []
    if facts:
        fix = "correct the columns of the recipe"
        if others and not missing:
            fix = 'add them to the columns of the recipe, or set rows.other_columns = "ignore"'
        raise ColumnsError(
            path,
            expected=f"the columns {listed(columns.names)}",
            found=f"{len(schema)} columns {' and '.join(facts)}",
            fix=fix,
        )
    for name in wanted:
        if not is_single(schema.field(name).type):
            raise ColumnsError(
                f"{path}, column {name}",
                expected="numbers, texts, bools, dates or timestamps",
                found=str(schema.field(name).type),
                fix="drop the column in the recipe, or write its parts as columns of their own",
            )


def is_single(arrow_type: pa.DataType) -> bool:
    """Say whether each value of a type is a number, text, bool, date or time."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        return is_single(arrow_type.storage_type)
    types = pa.types
    if types.is_dictionary(arrow_type):
        return is_single(arrow_type.value_type)
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    numbers = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
    times = (types.is_date, types.is_timestamp, types.is_time)
    return any(is_one(arrow_type) for is_one in (*texts, *numbers, *times, types.is_null))


def plain_columns(table: pa.Table) -> pa.Table:
    """Return a table whose columns have plain types: no dictionaries, views or large texts."""
    return pa.table({name: _plain(table.column(name)) for name in table.column_names})


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    types = pa.types
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([c.storage for c in column.chunks], column.type.storage_type)
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    texts = (types.is_large_string, types.is_string_view, types.is_null)
    return column.cast(pa.string()) if any(is_one(column.type) for is_one in texts) else column
