"""Reads chunks of CSV files as columns of strings, and finds the bad rows.

Arrow parses what is written plainly. Python's csv parses chunks that Arrow cannot read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from shardmill.errors import EncodingError, FieldCountError, InputError
from shardmill.raw.csv.csv_chunks import (
    BOM,
    CsvChunk,
    decode_row,
    is_utf8,
    unclosed_quote,
)
from shardmill.raw.csv.csv_rows import CsvRows
from shardmill.raw.csv.keys_for_row import key_for_row
from shardmill.raw.csv.split_rows import split_rows
from shardmill.raw.row_source import SourceColumns

BadReason = Literal["field count", "encoding", "quotes"]


@dataclass(frozen=True, slots=True)
class BadRow:
    r"""A row of a file that is not in its table.

    Attributes:
        line: The line on which it starts, counted from 1.
        reason: What is wrong: it has another number of fields than there are columns, it has bytes
            that are not UTF-8, or a quote of it is not closed.
        text: The row as the file has it, without the newline; its first line if a quote is not
            closed. Bytes that are not UTF-8 are written as \xff.
    """

    line: int
    reason: BadReason
    text: str


class ParsedChunk(NamedTuple):
    """The rows of a chunk: the good ones as strings, and the others, by line."""

    table: pa.Table
    bad: tuple[BadRow, ...]


def parse_chunk(chunk: CsvChunk, columns: SourceColumns) -> ParsedChunk:
    """Return the rows of a chunk, the wanted columns as strings without nulls.

    Args:
        chunk: A chunk from `csv_chunks`.
        columns: The columns that `csv_chunks` was given.

    Raises:
        FieldCountError: The first bad row has too many or too few fields. This and the next two
            are raised only if `on_bad_row` is `fail`; otherwise bad rows are returned.
        EncodingError: The first bad row is not UTF-8.
        UnclosedQuoteError: The first bad row has a quote that is not closed.
    """
    data = chunk.read()
    if chunk.regular and is_utf8(data):
        try:
            return ParsedChunk(_parse_plain(chunk, data, columns), ())
        except pa.ArrowInvalid:
            pass  # a row has another number of fields
    rows = _Rows.of(chunk, data)
    if rows.bad and chunk.options.on_bad_row == "fail":
        raise rows.fault(min(rows.bad))
    return ParsedChunk(rows.table(columns), tuple(map(rows.bad_row, sorted(rows.bad))))


def lines_of_rows(chunk: CsvChunk, rows: Sequence[int]) -> list[tuple[int, str]]:
    """Return the line on which each row starts, from 1, and its text without the newline.

    Args:
        chunk: The chunk, which is read again.
        rows: Positions of rows in the table that `parse_chunk` returned.
    """
    found = _Rows.of(chunk, chunk.read())
    good = np.setdiff1d(np.arange(len(found.spans)), list(found.bad))
    return [(found.line(row), found.text(row)) for row in good[list(rows)].tolist()]


def _parse_plain(chunk: CsvChunk, data: bytes, columns: SourceColumns) -> pa.Table:
    # Arrow refuses empty data, and leaves out a byte order mark at the start. A mark in a chunk
    # is a character of its first cell, so a blank line before it hides it from Arrow.
    if not data or data.startswith(BOM):
        data = b"\n" + data
    names, wanted, options = chunk.names, columns.wanted(), chunk.options
    # A name may stand twice in the header if it is not wanted, so columns go by their number.
    numbers = [str(names.index(name)) for name in wanted]
    read = pv.ReadOptions(
        use_threads=False,
        block_size=len(data) + 1,
        column_names=[str(number) for number in range(len(names))],
    )
    parse = pv.ParseOptions(
        delimiter=options.delimiter,
        quote_char=options.quote or False,
        newlines_in_values=bool(options.quote),
    )
    convert = pv.ConvertOptions(
        column_types=dict.fromkeys(numbers, pa.string()),
        include_columns=numbers,
    )
    table = pv.read_csv(
        pa.BufferReader(data), read_options=read, parse_options=parse, convert_options=convert
    )
    return table.rename_columns(list(wanted))


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a chunk, split by Python's csv.

    Attributes:
        chunk: The chunk.
        data: Its bytes.
        spans: Where the rows stand.
        fields: The fields of each row that can be split.
        bad: Why rows cannot be read, by their position.
    """

    chunk: CsvChunk
    data: bytes
    spans: CsvRows
    fields: dict[int, list[str]]
    bad: dict[int, BadReason]

    @classmethod
    def of(cls, chunk: CsvChunk, data: bytes) -> "_Rows":
        names, spans = chunk.names, CsvRows.of(data, chunk.options)
        bad: dict[int, BadReason] = dict.fromkeys(np.flatnonzero(spans.unclosed).tolist(), "quotes")
        bounds = list(zip(spans.starts.tolist(), spans.stops.tolist(), strict=True))
        if not is_utf8(data):
            for row, (start, stop) in enumerate(bounds):
                if not is_utf8(data[start:stop]):
                    bad[row] = "encoding"
        whole = [row for row in range(len(spans)) if row not in bad]
        texts = [data[slice(*bounds[row])] for row in whole]
        fields = dict(zip(whole, split_rows(texts, chunk.options), strict=True))
        for row, found in fields.items():
            if chunk.options.trailing_delimiter and len(found) == len(names) + 1 and not found[-1]:
                found.pop()
            if len(found) != len(names):
                bad[row] = "field count"
        return cls(chunk, data, spans, fields, bad)

    def table(self, columns: SourceColumns) -> pa.Table:
        """Return the wanted columns of the good rows."""
        good = [fields for row, fields in self.fields.items() if row not in self.bad]
        cells: dict[str, pa.Array] = {}
        for name in columns.wanted():
            place = self.chunk.names.index(name)
            cells[name] = pa.array([fields[place] for fields in good], pa.string())
        return pa.table(cells)

    def line(self, row: int) -> int:
        """Return the line on which a row starts."""
        return self.chunk.line + int(self.spans.lines[row])

    def text(self, row: int) -> str:
        """Return a row as the file has it."""
        content = self.data[self.spans.starts[row] : self.spans.stops[row]]
        return content.decode(errors="backslashreplace")

    def bad_row(self, row: int) -> BadRow:
        """Return what is known of a bad row."""
        return BadRow(self.line(row), self.bad[row], self.text(row))

    def fault(self, row: int) -> InputError:
        """Return the error for a bad row."""
        where = f"{self.chunk.name}, line {self.line(row)}"
        content = self.data[self.spans.starts[row] : self.spans.stops[row]]
        if self.bad[row] == "quotes":
            return unclosed_quote(where, content, self.chunk.options)
        if self.bad[row] == "encoding":
            try:
                decode_row(content, self.chunk.name, self.line(row))
            except EncodingError as error:
                return error
        return FieldCountError(
            where,
            expected=f"{len(self.chunk.names)} fields",
            found=f"{len(self.fields[row])}",
            fix=self._fix(row),
        )

    def _fix(self, row: int) -> str:
        """Return the key of the recipe that would accept a row, most likely."""
        fields, options, text = self.fields[row], self.chunk.options, self.text(row)
        columns, line = len(self.chunk.names), self.line(row)
        if len(fields) < columns and text.startswith(("#", "//", "%")) and not options.comment:
            return f'set csv.comment = "{text[0]}" in the recipe if the line is no row'
        content = self.data[self.spans.starts[row] : self.spans.stops[row]]
        key = key_for_row(content, options, lambda found: len(found) == columns)
        if key is not None:
            return f"set {key} in the recipe, if the others are written so, or correct the line"
        if len(fields) < columns and line == options.skip_rows + 1:
            return f"set csv.skip_rows = {line} in the recipe if the line is no row, or correct it"
        return "correct the line (a delimiter inside a field needs quotes), or csv.delimiter"
