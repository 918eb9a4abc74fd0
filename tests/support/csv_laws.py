"""What the tests of CSV files share."""

from pathlib import Path

from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks
from shardmill.raw.csv.read_csv import BadRow, lines_of_rows, parse_chunk
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.csv_options import Csv

Rows = list[tuple[int, tuple[str, ...]]]  # line and cells

FAIL = Csv(header=False)


def columns_of(*names: str, wanted: tuple[str, ...] = ()) -> SourceColumns:
    return SourceColumns(names, wanted or names, ())


COLUMNS = columns_of("a", "b")


def parse(chunk: CsvChunk, columns: SourceColumns = COLUMNS) -> tuple[Rows, list[BadRow]]:
    """Return the rows of a chunk with their lines, and the bad ones."""
    parsed = parse_chunk(chunk, columns)
    cells = [tuple(row.values()) for row in parsed.table.to_pylist()]
    lines = lines_of_rows(chunk, range(len(cells)))
    return [(line, row) for (line, _), row in zip(lines, cells, strict=True)], list(parsed.bad)


def parse_all(
    path: Path, options: Csv, chunk_bytes: int = 2**20, columns: SourceColumns = COLUMNS
) -> tuple[Rows, list[BadRow]]:
    rows, bad = [], []
    stop = None
    for chunk in csv_chunks(path, options, columns, chunk_bytes):
        assert stop is None or chunk.start == stop
        stop = chunk.stop
        some_rows, some_bad = parse(chunk, columns)
        rows += some_rows
        bad += some_bad
    assert stop is None or stop == path.stat().st_size
    return rows, bad
