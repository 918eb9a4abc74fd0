"""Cuts CSV files into chunks of whole rows, each of which can be parsed on its own."""

import builtins
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from shardmill.errors import (
    ChangedFileError,
    CsvFormatError,
    EncodingError,
    UnclosedQuoteError,
    UnreadableFileError,
)
from shardmill.raw.csv.check_columns import check_columns
from shardmill.raw.csv.csv_rows import CsvRows, first_line, line_ends
from shardmill.raw.csv.row_spans import QUOTES_FIX, read_at, row_spans
from shardmill.raw.csv.split_rows import split_rows
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.csv_options import Csv
from shardmill.store.mounts import here

if TYPE_CHECKING:
    from shardmill.raw.cut_scanned import ScannedFile

BOM = b"\xef\xbb\xbf"
_SKIPPED_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class CsvChunk:
    """Some whole rows of a CSV file that follow one another.

    Attributes:
        path: The plain file in UTF-8.
        start: The byte of the file at which the rows begin.
        stop: The byte of the file after the rows.
        line: The line of the first byte, counted from 1.
        lines: How many lines end in the rows.
        names: The columns of the file, in its order.
        regular: Whether every quote opens or closes a field at its border, or is doubled inside.
        name: The raw file that `path` was made from, for messages.
        options: How the file is written.
    """

    path: Path
    start: int
    stop: int
    line: int
    lines: int
    names: tuple[str, ...]
    regular: bool
    name: Path
    options: Csv

    @property
    def bytes(self) -> int:
        """How many bytes the rows take."""
        return self.stop - self.start

    def read(self) -> builtins.bytes:
        """Return the bytes of the rows.

        Raises:
            ChangedFileError: The file has become shorter.
            UnreadableFileError: The file cannot be read.
        """
        with _open(self.path, self.name) as file:
            data = read_at(file, self.start, self.bytes)
        if len(data) != self.bytes:
            raise ChangedFileError(
                self.name,
                expected="the size that it had when its rows were found",
                found="an earlier end",
                fix="leave the file alone while it is read",
            )
        return data


@dataclass(frozen=True, slots=True)
class FirstRow:
    """The first row of a file.

    Attributes:
        row: The row as the file has it, without its newline.
        fields: Its fields.
        start: The byte at which it starts.
        line: Its line, counted from 1.
        stop: The byte after the row and its newline.
        next_line: The line on which the next row starts.
    """

    row: bytes
    fields: tuple[str, ...]
    start: int
    line: int
    stop: int
    next_line: int


def csv_chunks(
    path: Path,
    options: Csv,
    columns: SourceColumns,
    chunk_bytes: int = 8 * 2**20,
    *,
    name: Path | None = None,
    scanned: "ScannedFile | None" = None,
) -> Iterator[CsvChunk]:
    """Yield the chunks of a file in order. No more than a chunk, or one row, is in memory.

    Args:
        path: A plain file in UTF-8. A byte order mark is left out.
        options: How the file is written.
        columns: The columns of the file. With a header they may stand in any order, and those that
            are not wanted may be missing.
        chunk_bytes: The most bytes of a chunk, unless a single row is longer.
        name: The raw file that `path` was made from, for messages.
        scanned: What is known of the file, so that little of it must be read; None if nothing is.

    Raises:
        ColumnsError: The header does not name the wanted columns, or names others.
        UnclosedQuoteError: A quote of the first row is not closed.
        RowTooLongError: A row is longer than 64 MiB.
        UnreadableFileError: The file cannot be read.
        EncodingError: The first row is not UTF-8.
        CsvFormatError: A line `sep=` names another delimiter.
    """
    name = name or path
    with _open(path, name) as file:
        first = _first_row(file, name, options)
        if options.header:
            found, line = ((), 1) if first is None else (first.fields, first.line)
            row = b"" if first is None else first.row
            check_columns(found, columns, options, f"{name}, line {line}", row=row)
        if first is None:
            return
        names = first.fields if options.header else columns.of_width(len(first.fields))
        begin = (first.stop, first.next_line) if options.header else (first.start, first.line)
        spans = row_spans(
            file, name, options=options, begin=begin, span_bytes=chunk_bytes, scanned=scanned
        )
        for s in spans:
            lines = s.next_line - s.line
            yield CsvChunk(path, s.start, s.stop, s.line, lines, names, s.regular, name, options)


def first_row(path: Path, options: Csv, *, name: Path) -> FirstRow | None:
    """Return the first row of a plain file; None if it has none. See `csv_chunks` for errors."""
    with _open(path, name) as file:
        return _first_row(file, name, options)


def _first_row(file: IO[bytes], name: Path, options: Csv) -> FirstRow | None:
    """Return the first row of a file; None if it has none."""
    begin = _rows_start(file, name, options)
    for span in row_spans(file, name, options=options, begin=begin, span_bytes=1):
        text = read_at(file, span.start, span.stop - span.start)
        rows = CsvRows.of(text, options)
        if not len(rows):
            continue
        row, fields = text[rows.starts[0] : rows.stops[0]], []
        if options.header:
            decode_row(row, name, span.line)
            if rows.unclosed[0]:
                raise unclosed_quote(f"{name}, line {span.line}", row, options)
        if is_utf8(row) and not rows.unclosed[0]:
            (fields,) = split_rows([row], options)
        if options.trailing_delimiter and fields and not fields[-1]:
            fields.pop()
        return FirstRow(row, tuple(fields), span.start, span.line, span.stop, span.next_line)
    return None


def is_utf8(data: bytes) -> bool:
    """Say whether text is UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def unclosed_quote(where: str, row: bytes, options: Csv) -> UnclosedQuoteError:
    """Return the error for a row with a quote that is not closed, or not at its field's end."""
    fix = f"close the quote (inside a quoted field it is written twice), {QUOTES_FIX}"
    if not options.escape and f"\\{options.quote}".encode() in row:
        fix = r'set csv.escape = "\\" in the recipe if it stands before quotes that are text'
    return UnclosedQuoteError(
        where,
        expected="every quote closed, and at the end of its field",
        found="one that is not",
        fix=fix,
    )


def decode_row(row: bytes, name: Path, line: int) -> str:
    """Return the text of a row that starts on `line`.

    Raises:
        EncodingError: The row is not UTF-8.
    """
    try:
        return row.decode()
    except UnicodeDecodeError as error:
        before = row[: error.start]
        ends = line_ends(np.frombuffer(before, np.uint8))
        column = error.start - (int(ends[-1]) + 1 if len(ends) else 0)
        raise EncodingError(
            f"{name}, line {line + len(ends)}",
            expected="UTF-8",
            found=f"byte 0x{row[error.start]:02x} at column {column + 1}",
            fix="name its `encoding` in the recipe, or convert the file with iconv -t utf-8",
        ) from None


def _rows_start(file: IO[bytes], name: Path, options: Csv) -> tuple[int, int]:
    """Return the byte and the line at which the rows start, behind what is no row."""
    start = len(BOM) if read_at(file, 0, len(BOM)) == BOM else 0
    start = _skip_lines(file, start, options.skip_rows)
    line = options.skip_rows + 1
    if not options.skip_rows:
        # Excel writes such a line, and reads it.
        first = read_at(file, start, 32)
        stop, next_start = first_line(first, 0, len(first))
        key, _, said = first[:stop].decode(errors="replace").partition("=")
        if key == "sep" and said == options.delimiter:
            return start + next_start, line + 1
        if key == "sep" and len(said) == 1 and not said.isalnum():
            raise _other_delimiter(name, said, options)
    return start, line


def _skip_lines(file: IO[bytes], start: int, lines: int) -> int:
    """Return the byte behind some lines, or the end of the file if it has fewer."""
    while lines:
        block = read_at(file, start, _SKIPPED_BYTES)
        is_last = len(block) < _SKIPPED_BYTES
        if block.endswith(b"\r") and not is_last:
            block = block[:-1]  # a LF may follow
        ends = line_ends(np.frombuffer(block, np.uint8))
        if len(ends) >= lines:
            return start + int(ends[lines - 1]) + 1
        start += len(block)
        lines -= len(ends)
        if is_last:
            break
    return start


def _other_delimiter(name: Path, said: str, options: Csv) -> CsvFormatError:
    return CsvFormatError(
        f"{name}, line 1",
        expected=f"sep={options.delimiter}, or no such line",
        found=f"sep={said}",
        fix=f"set csv.delimiter = {json.dumps(said)} in the recipe",
    )


def _open(path: Path, name: Path) -> IO[bytes]:
    try:
        return here(path).open("rb", buffering=0)
    except OSError as error:
        found = str(error.strerror or error)
        raise UnreadableFileError(
            name, expected="a readable file", found=found, fix="check its permissions"
        ) from None
