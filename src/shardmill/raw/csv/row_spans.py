"""Finds spans of whole rows in CSV files, in one pass and in bounded memory."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from shardmill.errors import RowTooLongError, UnclosedQuoteError
from shardmill.raw.csv.csv_rows import QuotedSpans, Text, find_quoted, line_ends

# A longer row most likely has a quote that is never closed.
ROW_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class RowSpan:
    """Whole rows of a file.

    Attributes:
        start: The byte at which they begin.
        stop: The byte after them.
        line: The line on which they start.
        next_line: The line on which the rows after them start.
        regular: Whether all quotes are regular; see `QuotedSpans`.
    """

    start: int
    stop: int
    line: int
    next_line: int
    regular: bool


def row_spans(
    file: IO[bytes], name: Path, *, delimiter: str, start: int, line: int, span_bytes: int
) -> Iterator[RowSpan]:
    """Yield spans of whole rows, of at most `span_bytes` or of one row, to the end of the file.

    Args:
        file: An unbuffered file. Its position does not matter.
        name: The name of the file in messages.
        delimiter: The delimiter between fields.
        start: The byte at which the first row starts.
        line: The line on which the first row starts.
        span_bytes: How many bytes are read at a time. No more are in memory unless a row is longer.

    Raises:
        UnclosedQuoteError: The file ends inside quotes.
        RowTooLongError: A row is longer than `ROW_BYTES`.
    """
    size, buffer = span_bytes, bytearray(span_bytes)
    while read := _fill(file, buffer, start):
        block = _Block(buffer, np.frombuffer(buffer, np.uint8, read), is_final=read < size)
        quoted = find_quoted(block.text, delimiter)
        if block.is_final and quoted.unclosed is not None:
            raise _unclosed(name, line + block.count_lines(quoted.unclosed))
        stop = block.first_row_end(quoted) if read > span_bytes else block.last_row_end(quoted)
        if stop == 0:
            if size > ROW_BYTES:
                raise _too_long(name, line)
            size = min(2 * size, ROW_BYTES + 1)
            buffer = bytearray(size)
            continue
        next_line = line + block.count_lines(stop)
        yield RowSpan(start, start + stop, line, next_line, quoted.regular)
        start, line = start + stop, next_line
        if size != span_bytes:
            size, buffer = span_bytes, bytearray(span_bytes)


@dataclass(frozen=True, slots=True)
class _Block:
    """Bytes of a file from the start of a row.

    Attributes:
        buffer: The buffer that begins with the bytes. It may be longer.
        text: The same bytes as uint8 [bytes].
        is_final: Whether the file ends with them.
    """

    buffer: bytearray
    text: Text
    is_final: bool

    def last_row_end(self, quoted: QuotedSpans) -> int:
        """Return how many bytes the rows take that end in the block; 0 if none ends."""
        if self.is_final:
            return len(self.text)
        stop = self._stop()
        last = max(self.buffer.rfind(b"\n", 0, stop), self.buffer.rfind(b"\r", 0, stop))
        if last < 0 or quoted.outside(np.array([last]))[0]:
            return last + 1
        ends = line_ends(self.text[:stop])
        ends = ends[quoted.outside(ends)]
        return int(ends[-1]) + 1 if len(ends) else 0

    def first_row_end(self, quoted: QuotedSpans) -> int:
        """Return how many bytes the first row takes; 0 if it does not end in the block."""
        ends = line_ends(self.text[: self._stop()])
        ends = ends[quoted.outside(ends)]
        if len(ends):
            return int(ends[0]) + 1
        return len(self.text) if self.is_final else 0

    def count_lines(self, stop: int) -> int:
        """Return how many lines end in the first `stop` bytes."""
        if self.buffer.find(b"\r", 0, stop) >= 0:
            return len(line_ends(self.text[:stop]))
        return int(np.count_nonzero(self.text[:stop] == ord("\n")))

    def _stop(self) -> int:
        # A LF may follow a CR at the end.
        return len(self.text) - (not self.is_final and self.text[-1] == ord("\r"))


def read_at(file: IO[bytes], start: int, size: int) -> bytes:
    """Return `size` bytes of an unbuffered file, or fewer if it ends before."""
    data = b""
    while more := os.pread(file.fileno(), size - len(data), start + len(data)):
        data = data + more if data else more
    return data


def _fill(file: IO[bytes], buffer: bytearray, start: int) -> int:
    """Read from `start` until the buffer is full or the file ends; return how many bytes."""
    done = 0
    with memoryview(buffer) as view:
        while read := os.preadv(file.fileno(), [view[done:]], start + done):
            done += read
    return done


def _unclosed(name: Path, line: int) -> UnclosedQuoteError:
    return UnclosedQuoteError(
        f"{name}, line {line}",
        expected="a row of CSV, every quote closed",
        found="the end of the file inside a quoted field",
        fix="close the quote; one inside a quoted field is written twice",
    )


def _too_long(name: Path, line: int) -> RowTooLongError:
    return RowTooLongError(
        f"{name}, line {line}",
        expected=f"a row of at most {ROW_BYTES:,} bytes",
        found="a longer one",
        fix="check its quotes; one that is never closed makes the rest of the file one row",
    )
