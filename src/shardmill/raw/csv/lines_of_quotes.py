"""Finds rows of CSV files whose lines would each be a row if quotes were text."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from shardmill.raw.csv.csv_chunks import CsvChunk
from shardmill.raw.csv.csv_rows import CsvRows
from shardmill.raw.row_source import SourceColumns

# So many rows of several lines are looked at in a chunk, so that texts of many lines cost little.
_MOST_ROWS = 1_000


class LinesOfRow(NamedTuple):
    """The lines of one row.

    Attributes:
        line: The line of the file on which the row begins, counted from 1.
        table: The lines as rows, the wanted columns as strings.
    """

    line: int
    table: pa.Table


def lines_of_quotes(chunk: CsvChunk, columns: SourceColumns) -> Iterator[LinesOfRow]:
    """Yield the rows of several lines of which each has as many fields as the file has columns.

    Delimiters in quotes count here. Files whose dialect has more than a delimiter and a quote are
    not looked at.

    Args:
        chunk: The chunk.
        columns: The columns of the file.
    """
    if not chunk.options.is_plain or not chunk.options.quote:
        return
    data = chunk.read()
    rows = CsvRows.of(data, chunk.options)
    delimiter, width = chunk.options.delimiter.encode(), len(chunk.names)
    # A row of several lines is followed by a row that is more than one line further on.
    after = np.append(rows.lines[1:], rows.lines[-1:] + 2)
    several = np.flatnonzero((after - rows.lines > 1) & ~rows.unclosed)
    for row in islice(several.tolist(), _MOST_ROWS):
        lines = data[rows.starts[row] : rows.stops[row]].splitlines()
        if len(lines) > 1 and all(line.count(delimiter) == width - 1 for line in lines):
            fields = [
                line.decode(errors="replace").split(chunk.options.delimiter) for line in lines
            ]
            cells = {
                name: pa.array([each[chunk.names.index(name)] for each in fields], pa.string())
                for name in columns.wanted()
            }
            yield LinesOfRow(chunk.line + int(rows.lines[row]), pa.table(cells))
