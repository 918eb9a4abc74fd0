"""Finds the rows of CSV text, and the lines on which they start, without parsing the text.

`row_pattern` has the grammar. Text whose quotes all stand at the borders of fields needs no regular
expression: each quote opens or closes in its turn, so numpy finds the ends of rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shardmill.raw.csv.row_pattern import row_pattern
from shardmill.recipe.csv_options import WHITESPACE, Csv

Positions = npt.NDArray[np.int64]
Text = npt.NDArray[np.uint8]

_LF, _CR = b"\n\r"


def regular_quotes(text: Text, options: Csv) -> Positions | None:
    """Return the quotes of `text`, if they open and close fields in turn.

    Args:
        text: Text from the start of a row.
        options: The dialect.

    Returns:
        The positions of all quotes, if every quote opens a field at its start, closes it at its
        end, or is doubled inside. The end of the text counts as the end of a field. If their number
        is odd, the text ends inside quotes. None if the text must be read by `row_pattern`.
    """
    if not options.is_plain:
        return None
    if not options.quote:
        return np.empty(0, np.int64)
    quotes = np.flatnonzero(text == ord(options.quote))
    if not len(quotes):
        return quotes
    is_border = np.zeros(256, np.bool_)
    is_border[[ord(options.delimiter), _LF, _CR]] = True
    opening, closing = quotes[::2], quotes[1::2]
    starts_field = is_border[text[opening - 1]]
    starts_field[0] |= opening[0] == 0
    ends_field = is_border[text[np.minimum(closing + 1, len(text) - 1)]]
    if len(closing):
        ends_field[-1] |= closing[-1] == len(text) - 1
    doubled = closing[: len(opening) - 1] + 1 == opening[1:]
    starts_field[1:] |= doubled
    ends_field[: len(doubled)] |= doubled
    # By induction over the quotes, each opens or closes a field as its turn says.
    return quotes if starts_field.all() and ends_field.all() else None


def outside(quotes: Positions, positions: Positions) -> npt.NDArray[np.bool_]:
    """Say for each position, which is that of no quote, whether it is outside regular quotes."""
    is_outside: npt.NDArray[np.bool_] = np.searchsorted(quotes, positions) % 2 == 0
    return is_outside


def line_ends(text: Text) -> Positions:
    """Return the position of the last byte of each LF, CR or CRLF."""
    is_end = text == _LF
    is_cr = text == _CR
    if is_cr.any():
        is_cr[:-1] &= ~is_end[1:]
        is_end |= is_cr
    return np.flatnonzero(is_end)


@dataclass(frozen=True, slots=True)
class CsvRows:
    """The rows of CSV text that starts and ends with whole rows.

    Blank lines and comments are no rows.

    Attributes:
        starts: The first byte of each row, int64 [rows].
        stops: The byte after each row, without the end of its line, int64 [rows].
        lines: How many lines come before each row, int64 [rows].
        unclosed: Whether the row is the first line of one with a quote that was not closed, bool
            [rows]; see `row_pattern`.
    """

    starts: Positions
    stops: Positions
    lines: Positions
    unclosed: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, data: bytes, options: Csv) -> Self:
        """Return the rows of `data`."""
        text: Text = np.frombuffer(data, np.uint8)
        ends = line_ends(text)
        quotes = regular_quotes(text, options)
        if quotes is None or len(quotes) % 2:
            found = np.array(list(_search(data, options)), np.int64).reshape(-1, 3)
            starts, stops, unclosed = found[:, 0], found[:, 1], found[:, 2] > 0
        else:
            row_ends = ends[outside(quotes, ends)]
            starts = np.concatenate([[0], row_ends + 1])
            stops = np.concatenate([row_ends, [len(text)]])
            crlf = (text[row_ends] == _LF) & (text[row_ends - 1] == _CR) & (row_ends > starts[:-1])
            stops[:-1] -= crlf
            filled = stops > starts
            starts, stops = starts[filled], stops[filled]
            unclosed = np.zeros(len(starts), np.bool_)
        return cls(starts, stops, lines=np.searchsorted(ends, starts), unclosed=unclosed)

    def take(self, keep: npt.NDArray[Any]) -> Self:
        """Return some of the rows, by mask or by positions."""
        own = (self.starts, self.stops, self.lines, self.unclosed)
        return type(self)(*(each[keep] for each in own))

    def __len__(self) -> int:
        return len(self.starts)


def _search(data: bytes, options: Csv) -> Iterator[tuple[int, int, bool]]:
    """Yield where each row starts and stops, and whether it is not closed."""
    pattern = row_pattern(options).row
    blank = b" \t" if options.delimiter == WHITESPACE else b""
    position = 0
    while position < len(data):
        for found in pattern.finditer(data, position):
            start, position = found.span()
            kind = found.lastgroup or ""
            if kind == "open":
                stop, position = first_line(data, start, len(data))
                yield start, stop or len(data), True
                position = position or len(data)
                break
            start, stop = found.span(kind)
            if kind != "comment" and data[start:stop].strip(blank):
                yield start, stop, kind == "bad"


def first_line(data: bytes | bytearray, start: int, end: int) -> tuple[int, int]:
    """Return where the line that begins at `start` stops, and where the next one begins.

    Both are 0 if no line ends before `end`.
    """
    line_breaks = (data.find(b"\n", start, end), data.find(b"\r", start, end))
    stop = min((position for position in line_breaks if position >= 0), default=None)
    if stop is None:
        return 0, 0
    return stop, stop + (2 if data[stop : stop + 2] == b"\r\n" else 1)
