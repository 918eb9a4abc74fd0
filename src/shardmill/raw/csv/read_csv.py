"""Parses chunks of CSV files as Arrow tables of strings, and finds the bad rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pv

from shardmill.errors import (
    ColumnsError,
    CsvFormatError,
    EncodingError,
    FieldCountError,
    InputError,
    UnclosedQuoteError,
)
from shardmill.raw.csv.csv_chunks import BOM, CsvChunk, decode_row, read_header
from shardmill.raw.csv.csv_rows import CsvRows
from shardmill.recipe.csv_options import Csv

BadReason = Literal["field count", "encoding", "quotes"]


@dataclass(frozen=True, slots=True)
class BadRow:
    r"""A row of a file that is not in its table.

    Attributes:
        line: The line on which it starts, counted from 1.
        reason: What is wrong: it has another number of fields than there are columns, it has bytes
            that are not UTF-8, or a quote closes after a newline and before its field ends.
        text: The row as the file has it, without the newline. Bytes that are not UTF-8 are written
            as \xff.
    """

    line: int
    reason: BadReason
    text: str


class ParsedChunk(NamedTuple):
    """The rows of a chunk: the good ones as strings, and the others, by line."""

    table: pa.Table
    bad: tuple[BadRow, ...]


def parse_chunk(
    chunk: CsvChunk,
    *,
    columns: Sequence[str],
    wanted: Sequence[str],
    options: Csv,
) -> ParsedChunk:
    """Return the rows of a chunk: the `wanted` columns as strings, in their order, without nulls.

    Args:
        chunk: A chunk from `csv_chunks`.
        columns: All columns. With a header they may stand in any order.
        wanted: The columns to read.
        options: The options that `csv_chunks` was given.

    Raises:
        ColumnsError: The header does not name the columns.
        FieldCountError: The first bad row has too many or too few fields. This and the next two
            are raised only if `options.on_bad_row` is `fail`; otherwise bad rows are returned.
        EncodingError: The first bad row is not UTF-8.
        UnclosedQuoteError: The first bad row has a quote that closes in a later line.
        CsvFormatError: Arrow cannot parse the rows.
    """
    if chunk.header is not None:
        _check_names(chunk.header, columns, f"{chunk.name}, line 1")
    parser = _Parser(chunk.header or tuple(columns), wanted, options)
    data = chunk.read()
    rows = None if chunk.regular else CsvRows.of(data, options.delimiter)
    if (rows is None or not rows.late.any()) and _is_utf8(data):
        try:
            return ParsedChunk(parser.parse(data), ())
        except pa.ArrowInvalid:
            pass  # the lines below find out why
    rows = rows or CsvRows.of(data, options.delimiter)
    reasons = _bad_rows(data, rows, len(columns))
    if reasons and options.on_bad_row == "fail":
        row = min(reasons)
        raise _fault(chunk, data, rows.take(np.array([row])), len(columns))
    try:
        table = parser.parse(_without(data, rows, sorted(reasons)))
    except pa.ArrowInvalid as error:
        raise _not_csv(chunk, str(error)) from None
    bad = (
        BadRow(chunk.line + int(rows.lines[row]), reasons[row], _text(data, rows, row))
        for row in sorted(reasons)
    )
    return ParsedChunk(table, tuple(bad))


def lines_of_rows(
    chunk: CsvChunk, rows: Sequence[int], columns: Sequence[str], options: Csv
) -> list[tuple[int, str]]:
    """Return the line on which each row starts, from 1, and its text without the newline.

    Args:
        chunk: The chunk, which is read again.
        rows: Positions of rows in the table that `parse_chunk` returned.
        columns: The columns that `parse_chunk` was given.
        options: The options that `parse_chunk` was given.
    """
    data = chunk.read()
    all_rows = CsvRows.of(data, options.delimiter)
    good = all_rows.take(_good(all_rows, _bad_rows(data, all_rows, len(columns))))
    return [(chunk.line + int(good.lines[row]), _text(data, good, row)) for row in rows]


def check_header(
    path: Path, columns: Sequence[str], options: Csv, *, name: Path | None = None
) -> None:
    """Compare the first row of a plain file with the columns of the recipe.

    Raises:
        ColumnsError: A column is missing, unknown or named twice.
        EncodingError: The row is not UTF-8.
    """
    header = read_header(path, options, name=name)
    names, line = ((), 1) if header is None else (header.names, header.line)
    _check_names(names, columns, f"{name or path}, line {line}")


def _check_names(found: Sequence[str], columns: Sequence[str], where: str) -> None:
    missing = [name for name in columns if name not in found]
    unknown = [name for name in found if name not in columns]
    if missing or unknown or len(found) != len(columns):
        facts = []
        if missing:
            facts.append(f"without {', '.join(missing)}")
        if unknown:
            facts.append(f"with {', '.join(map(repr, unknown))} besides")
        raise ColumnsError(
            where,
            expected=f"the columns {', '.join(columns)}",
            found=f"{len(found)} columns {' and '.join(facts) or 'with one named twice'}",
            fix="correct the header, or the columns of the recipe",
        )


@dataclass(frozen=True, slots=True)
class _Parser:
    """How Arrow parses the rows of a file."""

    columns: Sequence[str]
    wanted: Sequence[str]
    options: Csv

    def parse(self, data: bytes) -> pa.Table:
        # Arrow refuses empty data, and leaves out a byte order mark at the start. A mark in a chunk
        # is a character of its first cell, so a blank line before it hides it from Arrow.
        if not data or data.startswith(BOM):
            data = b"\n" + data
        read = pv.ReadOptions(
            use_threads=False, block_size=len(data) + 1, column_names=list(self.columns)
        )
        parse = pv.ParseOptions(delimiter=self.options.delimiter, newlines_in_values=True)
        convert = pv.ConvertOptions(
            column_types=dict.fromkeys(self.columns, pa.string()),
            include_columns=list(self.wanted),
        )
        return pv.read_csv(
            pa.BufferReader(data), read_options=read, parse_options=parse, convert_options=convert
        )


def _bad_rows(data: bytes, rows: CsvRows, columns: int) -> dict[int, BadReason]:
    """Return why rows cannot be read, by their position."""
    reasons: dict[int, BadReason] = {}
    for row in np.flatnonzero(rows.fields != columns).tolist():
        reasons[row] = "field count"
    for row in np.flatnonzero(rows.late).tolist():
        reasons[row] = "quotes"
    if not _is_utf8(data):
        others = np.flatnonzero(np.frombuffer(data, np.uint8) >= 0x80)
        # A byte belongs to the last row that starts before it, since only newlines lie between
        # rows.
        for row in np.unique(np.searchsorted(rows.starts, others, side="right") - 1).tolist():
            if not _is_utf8(data[rows.starts[row] : rows.stops[row]]):
                reasons[row] = "encoding"
    return reasons


def _good(rows: CsvRows, bad: Iterable[int]) -> npt.NDArray[np.bool_]:
    good = np.ones(len(rows), np.bool_)
    good[list(bad)] = False
    return good


def _without(data: bytes, rows: CsvRows, bad: Sequence[int]) -> bytes:
    """Return the text without some of its rows. Blank lines stay in their place."""
    pieces, start = [], 0
    for row in bad:
        pieces.append(data[start : rows.starts[row]])
        start = rows.stops[row]
    return b"".join([*pieces, data[start:]])


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(data: bytes, rows: CsvRows, row: int) -> str:
    return data[rows.starts[row] : rows.stops[row]].decode(errors="backslashreplace")


def _fault(chunk: CsvChunk, data: bytes, row: CsvRows, columns: int) -> InputError:
    """Return the error for one bad row."""
    line = chunk.line + int(row.lines[0])
    where = f"{chunk.name}, line {line}"
    try:
        decode_row(data[row.starts[0] : row.stops[0]], chunk.name, line)
    except EncodingError as error:
        return error
    if row.late[0]:
        return UnclosedQuoteError(
            where,
            expected="a quote that is closed in its line, or at the end of its field",
            found="one that is closed in a later line, and more of the field after it",
            fix="close the quote; one inside a quoted field is written twice",
        )
    return FieldCountError(
        where,
        expected=f"{columns} fields",
        found=f"{row.fields[0]}",
        fix="correct the line; a delimiter or quote inside a field needs quotes",
    )


def _not_csv(chunk: CsvChunk, message: str) -> CsvFormatError:
    return CsvFormatError(
        f"{chunk.name}, lines from {chunk.line}",
        expected="rows of CSV",
        found=message,
        fix="check its quotes and delimiter",
    )
