"""Reads the names of the columns of a raw file, before anything else of it is read."""

from pathlib import Path

import pyarrow as pa

from shardmill.raw.csv.header_names import header_names
from shardmill.raw.decompress import open_raw
from shardmill.raw.tables.json_lines_source import LOOKED_AT
from shardmill.raw.tables.parse_json import types_of
from shardmill.raw.tables.table_format import unreadable_table
from shardmill.raw.tables.table_source import TABLE_FORMATS
from shardmill.recipe.csv_options import Csv


def column_names(form: str, path: Path, options: Csv | None) -> tuple[str, ...]:
    """Return the columns of a raw file, in its order; none if it has no row.

    Args:
        form: The format of the file, by its key in a split of a recipe.
        path: The raw file. CSV files and JSON Lines may be compressed.
        options: How the file is written, if it is a CSV file. It has a header.

    Raises:
        InputError: The file cannot be read.
    """
    if options is not None:
        return header_names(path, options)
    if form == "jsonl":
        with open_raw(path) as file:
            return tuple(types_of(file.read(LOOKED_AT).splitlines(), floats=()))
    known = TABLE_FORMATS[form]
    try:
        return tuple(known.schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise unreadable_table(path, known.NAME, error) from None
