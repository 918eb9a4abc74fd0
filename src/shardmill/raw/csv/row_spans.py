"""Finds spans of whole rows in CSV files, in one pass and in bounded memory."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from shardmill.errors import RowTooLongError
from shardmill.raw.csv.csv_rows import first_line, line_ends, outside, regular_quotes
from shardmill.raw.csv.row_pattern import row_pattern
from shardmill.recipe.csv_options import Csv

if TYPE_CHECKING:
    from shardmill.raw.cut_scanned import ScannedFile

# A longer row most likely has a quote that is never closed.
ROW_BYTES = 64 * 2**20
# What the recipe can say, if quotes are not written as RFC 4180 has it.
QUOTES_FIX = (
    'or set csv.quote = "" in the recipe if quotes are text, or csv.escape if a character stands '
    "before a quote that is text"
)


@dataclass(frozen=True, slots=True)
class RowSpan:
    """Whole rows of a file.

    Attributes:
        start: The byte at which they begin.
        stop: The byte after them.
        line: The line on which they start.
        next_line: The line on which the rows after them start.
        regular: Whether all quotes are regular; see `regular_quotes`.
    """

    start: int
    stop: int
    line: int
    next_line: int
    regular: bool


def row_spans(
    file: IO[bytes],
    name: Path,
    *,
    options: Csv,
    begin: tuple[int, int],
    span_bytes: int,
    scanned: "ScannedFile | None" = None,
) -> Iterator[RowSpan]:
    """Yield spans of whole rows, of at most `span_bytes` or of one row, to the end of the file.

    Args:
        file: An unbuffered file. Its position does not matter.
        name: The name of the file in messages.
        options: The dialect, and what happens to bad rows.
        begin: The byte at which the first row starts, and its line.
        span_bytes: How many bytes are read at a time. No more are in memory unless a row is longer.
        scanned: What is known of the file, so that little of it must be read; None if nothing is.
            The spans are the same.

    Raises:
        RowTooLongError: A row is longer than `ROW_BYTES`. If bad rows go to quarantine, its first
            line is one, so the error is raised only for such a line.
    """
    start, line = begin
    size, buffer = span_bytes, bytearray(span_bytes)
    while True:
        while scanned is not None and (cut := scanned.cut(file, start, span_bytes)) is not None:
            yield RowSpan(start, cut.stop, line, line + cut.lines, scanned.rule.is_plain)
            start, line = cut.stop, line + cut.lines
        if not (read := _fill(file, buffer, start)):
            break
        block = _Block(buffer, read, options, is_final=read < size)
        stop = block.first_row_end() if read > span_bytes else block.last_row_end()
        regular = block.quotes is not None
        if stop == 0 and size > ROW_BYTES:
            regular, stop = False, block.first_line_end()
            if stop == 0 or options.on_bad_row == "fail":
                raise _too_long(name, line)
        if stop == 0:
            size = min(2 * size, ROW_BYTES + 1)
            buffer = bytearray(size)
            continue
        next_line = line + block.count_lines(stop)
        yield RowSpan(start, start + stop, line, next_line, regular)
        start, line = start + stop, next_line
        if size != span_bytes:
            size, buffer = span_bytes, bytearray(span_bytes)


class _Block:
    """Bytes of a file from the start of a row.

    Attributes:
        buffer: The buffer that begins with the bytes. It may be longer.
        size: How many bytes there are.
        options: The dialect.
        is_final: Whether the file ends with them.
        text: The same bytes as uint8 [size].
        quotes: The positions of the quotes if they are regular, or else None.
    """

    def __init__(self, buffer: bytearray, size: int, options: Csv, *, is_final: bool) -> None:
        self.buffer = buffer
        self.size = size
        self.options = options
        self.is_final = is_final
        self.text = np.frombuffer(buffer, np.uint8, size)
        self.quotes = regular_quotes(self.text, options)
        if is_final and self.quotes is not None and len(self.quotes) % 2:
            self.quotes = None  # the last quote is not closed

    def last_row_end(self) -> int:
        """Return how many bytes the rows take that end in the block; 0 if none ends."""
        if self.is_final:
            return self.size
        if self.quotes is None:
            found = row_pattern(self.options).all_sure.match(self.buffer, 0, self.size)
            return found.end() if found else 0
        stop = self._stop()
        last = max(self.buffer.rfind(b"\n", 0, stop), self.buffer.rfind(b"\r", 0, stop))
        if last < 0 or outside(self.quotes, np.array([last]))[0]:
            return last + 1
        ends = line_ends(self.text[:stop])
        ends = ends[outside(self.quotes, ends)]
        return int(ends[-1]) + 1 if len(ends) else 0

    def first_row_end(self) -> int:
        """Return how many bytes the first row takes; 0 if it does not end in the block.

        If one of its quotes is not closed, that is its first line.
        """
        if self.quotes is not None:
            ends = line_ends(self.text[: self._stop()])
            ends = ends[outside(self.quotes, ends)]
            return int(ends[0]) + 1 if len(ends) else self.size * self.is_final
        pattern = row_pattern(self.options)
        if not self.is_final:
            sure = pattern.sure.match(self.buffer, 0, self.size)
            return sure.end() if sure else 0
        found = pattern.row.match(self.buffer, 0, self.size)
        is_row = found is not None and found.lastgroup != "open"
        return found.end() if found is not None and is_row else self.first_line_end()

    def first_line_end(self) -> int:
        """Return how many bytes the first line takes; 0 if it does not end in the block."""
        _, stop = first_line(self.buffer, 0, self._stop())
        return stop if stop or not self.is_final else self.size

    def count_lines(self, stop: int) -> int:
        """Return how many lines end in the first `stop` bytes."""
        if self.buffer.find(b"\r", 0, stop) >= 0:
            return len(line_ends(self.text[:stop]))
        return int(np.count_nonzero(self.text[:stop] == ord("\n")))

    def _stop(self) -> int:
        # A LF may follow a CR at the end.
        return self.size - (not self.is_final and self.text[-1] == ord("\r"))


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


def _too_long(name: Path, line: int) -> RowTooLongError:
    return RowTooLongError(
        f"{name}, line {line}",
        expected=f"a row of at most {ROW_BYTES:,} bytes",
        found="a longer one",
        fix=f"check its quotes, which may join lines to one row; {QUOTES_FIX}",
    )
