"""Streams CSV files as Arrow tables of strings, and finds the line of what is wrong in them."""

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.csv as pv

from shardmill.errors import ColumnsError, EncodingError, FieldCountError, InputError
from shardmill.pipeline.raw_files import open_raw
from shardmill.recipe_tables import Csv

# How much of a file is parsed at a time. It bounds the memory, and the length of one row.
BLOCK_BYTES = 8 * 2**20


def read_csv(
    path: Path, *, columns: Sequence[str], wanted: Sequence[str], options: Csv, nulls: bool
) -> Iterator[pa.Table]:
    """Yield the rows of a CSV file in order, the `wanted` columns as strings.

    Args:
        path: UTF-8, plain or gzip.
        columns: all columns; with a header they may stand in any order.
        wanted: those to read.
        options: header and delimiter.
        nulls: cells spelt as `options.missing` are null; otherwise no cell is.

    Raises:
        ColumnsError: the header does not name the columns.
        FieldCountError: a row has more or fewer fields.
        EncodingError: a line is not UTF-8.
    """
    if options.header:
        check_header(path, columns, options)
    convert = pv.ConvertOptions(
        column_types={name: pa.string() for name in columns},
        include_columns=list(wanted),
        null_values=list(options.missing),
        strings_can_be_null=nulls,
        quoted_strings_can_be_null=nulls,
    )
    read = pv.ReadOptions(
        block_size=BLOCK_BYTES, column_names=None if options.header else list(columns)
    )
    parse = pv.ParseOptions(delimiter=options.delimiter, newlines_in_values=True)
    with open_raw(path) as file:
        counted = _QuoteCounter(file)
        try:
            batches = pv.open_csv(
                counted, read_options=read, parse_options=parse, convert_options=convert
            )
            for batch in batches:
                yield pa.Table.from_batches([batch])
        except pa.ArrowInvalid as error:
            raise diagnose(path, columns, options, str(error)) from None
    if counted.quotes % 2 and (fault := _unclosed_quote(path, options)) is not None:
        raise fault


def check_header(path: Path, columns: Sequence[str], options: Csv, name=None) -> None:
    """Compare the first row with the columns of the recipe.

    Raises:
        ColumnsError: a column is missing, unknown or named twice.
    """
    with open_raw(path) as file:
        first = file.readline()
        while first.count(b'"') % 2 and (more := file.readline()):
            first += more
    text = _decode(path, 1, first).removeprefix("\ufeff")
    found = next(csv.reader(io.StringIO(text, newline=""), delimiter=options.delimiter), [])
    missing = [name for name in columns if name not in found]
    unknown = [name for name in found if name not in columns]
    if missing or unknown or len(found) != len(columns):
        facts = [f"without {', '.join(missing)}"] * bool(missing)
        facts += [f"with {', '.join(map(repr, unknown))} besides"] * bool(unknown)
        raise ColumnsError(
            f"{path}, line 1",
            expected=f"the columns {', '.join(columns)}",
            found=f"{len(found)} columns {' and '.join(facts) or 'with one named twice'}",
            fix="correct the header, or the columns of the recipe",
        )


def diagnose(path: Path, columns: Sequence[str], options: Csv, message: str) -> InputError:
    """Return the error for the first line that does not parse, found by reading row by row."""
    try:
        _check_utf8(path)
    except EncodingError as error:
        return error
    for line, row in _rows(path, options):
        if len(row) != len(columns):
            return _unclosed_quote(path, options) or FieldCountError(
                f"{path}, line {line}",
                expected=f"{len(columns)} fields",
                found=f"{len(row)}",
                fix="correct the line; a delimiter or quote inside a field needs quotes",
            )
    fix = f"check its quotes; a row may have {BLOCK_BYTES:,} bytes at most"
    return InputError(path, expected="a CSV file", found=message, fix=fix)


def _unclosed_quote(path: Path, options: Csv) -> InputError | None:
    """Return the error for a file that ends inside a quoted field; None if it does not."""
    start = 1
    for line, _ in _rows(path, options):
        start = line
    with open_raw(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as lines:
        last_row = csv.reader(
            itertools.islice(lines, start - 1, None), delimiter=options.delimiter, strict=True
        )
        try:
            for _ in last_row:
                pass
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                return InputError(
                    f"{path}, line {start}",
                    expected="a row of CSV, every quote closed",
                    found="the end of the file inside a quoted field",
                    fix="close the quote; one inside a quoted field is written twice",
                )
    return None


def line_of_row(path: Path, row: int, options: Csv) -> int:
    """Return the line, from 1, on which data row `row`, from 0, starts."""
    lines = (line for line, _ in _rows(path, options))
    if options.header:
        next(lines)
    return next(line for number, line in enumerate(lines) if number == row)


def _rows(path: Path, options: Csv) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a UTF-8 file, blank lines left out, with the line on which each starts."""
    limit = csv.field_size_limit(2**31 - 1)  # the module's, so it is put back
    start = 1
    try:
        with open_raw(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, delimiter=options.delimiter)
            for row in reader:
                if row:
                    yield start, row
                start = reader.line_num + 1
    finally:
        csv.field_size_limit(limit)


def _check_utf8(path: Path) -> None:
    with open_raw(path) as file:
        for number, line in enumerate(file, 1):
            _decode(path, number, line)


def _decode(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EncodingError(
            f"{path}, line {number}",
            expected="UTF-8",
            found=f"byte 0x{line[error.start]:02x} at column {error.start + 1}",
            fix="convert the file, for example with iconv -t utf-8",
        ) from None


class _QuoteCounter:
    """A file for Arrow to read from, which counts the quotes that pass.

    Arrow takes a quoted field that the file ends in for whole. Then the number of quotes is odd.
    """

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.quotes = 0

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.quotes += block.count(b'"')
        return block

    def close(self) -> None:
        self._file.close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def writable(self) -> bool:
        return False


from typing import NamedTuple


class BadRow(NamedTuple):
    line: int
    reason: str
    text: str


def parse_chunk(chunk, *, columns, wanted, options, nulls):
    with chunk.path.open("rb") as f:
        f.seek(chunk.start)
        b = f.read(chunk.bytes)
    convert = pv.ConvertOptions(
        column_types={name: pa.string() for name in columns},
        include_columns=list(wanted),
        null_values=list(options.missing),
        strings_can_be_null=nulls,
        quoted_strings_can_be_null=nulls,
    )
    t = pv.read_csv(
        pa.BufferReader(b),
        read_options=pv.ReadOptions(
            block_size=len(b) + 1, use_threads=False, column_names=list(columns)
        ),
        parse_options=pv.ParseOptions(delimiter=options.delimiter, newlines_in_values=True),
        convert_options=convert,
    )
    return t, ()


def lines_of_rows(chunk, rows, columns, options):
    return [(chunk.line + r, "?") for r in rows]
