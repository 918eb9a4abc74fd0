"""Cuts CSV files into chunks of whole rows, each of which can be parsed on its own."""

import builtins
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from shardmill.errors import ChangedFileError, EncodingError, UnreadableFileError
from shardmill.raw.csv.csv_rows import line_ends
from shardmill.raw.csv.row_spans import read_at, row_spans
from shardmill.recipe.csv_options import Csv

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class CsvChunk:
    """Some whole rows of a CSV file that follow one another.

    Attributes:
        path: The plain file in UTF-8.
        start: The byte of the file at which the rows begin.
        stop: The byte of the file after the rows.
        line: The line of the first byte, counted from 1.
        header: The columns that the first row of the file names, in its order; None without a
            header.
        regular: Whether every quote opens or closes a field at its border, or is doubled inside.
        name: The raw file that `path` was made from, for messages.
    """

    path: Path
    start: int
    stop: int
    line: int
    header: tuple[str, ...] | None
    regular: bool
    name: Path

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
class HeaderRow:
    """The first row of a file that has a header.

    Attributes:
        names: The names as the file has them.
        line: The line of the row, counted from 1.
        stop: The byte after the row and its newline.
        next_line: The line on which the next row starts.
    """

    names: tuple[str, ...]
    line: int
    stop: int
    next_line: int


def csv_chunks(
    path: Path, options: Csv, chunk_bytes: int = 8 * 2**20, *, name: Path | None = None
) -> Iterator[CsvChunk]:
    """Yield the chunks of a file in order. No more than a chunk, or one row, is in memory.

    Args:
        path: A plain file in UTF-8. A byte order mark is left out.
        options: The options of the recipe; header and delimiter count here.
        chunk_bytes: The most bytes of a chunk, unless a single row is longer.
        name: The raw file that `path` was made from, for messages.

    Raises:
        UnclosedQuoteError: The file ends inside quotes.
        RowTooLongError: A row is longer than 64 MiB.
        UnreadableFileError: The file cannot be read.
        EncodingError: The header is not UTF-8.
    """
    name = name or path
    with _open(path, name) as file:
        start, line, header = _skip_bom(file), 1, None
        if options.header:
            first = _read_header(file, name, options)
            if first is None:
                return
            start, line, header = first.stop, first.next_line, first.names
        spans = row_spans(
            file,
            name,
            delimiter=options.delimiter,
            start=start,
            line=line,
            span_bytes=chunk_bytes,
        )
        for span in spans:
            yield CsvChunk(path, span.start, span.stop, span.line, header, span.regular, name)


def read_header(path: Path, options: Csv, *, name: Path | None = None) -> HeaderRow | None:
    """Return the first row of a file, which names its columns; None if there is no row.

    Raises:
        EncodingError: The row is not UTF-8.
        UnclosedQuoteError: The file ends inside its quotes.
        RowTooLongError: The row is longer than 64 MiB.
        UnreadableFileError: The file cannot be read.
    """
    name = name or path
    with _open(path, name) as file:
        return _read_header(file, name, options)


def _read_header(file: IO[bytes], name: Path, options: Csv) -> HeaderRow | None:
    start = _skip_bom(file)
    spans = row_spans(file, name, delimiter=options.delimiter, start=start, line=1, span_bytes=1)
    for span in spans:
        row = read_at(file, span.start, span.stop - span.start)
        if row.strip(b"\r\n"):
            names = parse_row(decode_row(row, name, span.line), options.delimiter)
            return HeaderRow(tuple(names), span.line, span.stop, span.next_line)
    return None


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


def parse_row(text: str, delimiter: str) -> list[str]:
    """Return the fields of one row."""
    # The limit holds for the whole process, so it is put back.
    limit = csv.field_size_limit(2**31 - 1)
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    finally:
        csv.field_size_limit(limit)


def _skip_bom(file: IO[bytes]) -> int:
    return len(BOM) if read_at(file, 0, len(BOM)) == BOM else 0


def _open(path: Path, name: Path) -> IO[bytes]:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        found = str(error.strerror or error)
        raise UnreadableFileError(
            name, expected="a readable file", found=found, fix="check its permissions"
        ) from None
