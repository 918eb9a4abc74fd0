"""Finds the rows of CSV text, and the lines on which they start, without parsing the text.

A quote opens a field only at the start of the field. Inside the field, two quotes in a row stand
for one. After the closing quote the rest of the field is literal; so is a quote anywhere else. Rows
end at LF, CR or CRLF outside quotes. Arrow and Python's csv follow the same rules.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]
Text = npt.NDArray[np.uint8]

_QUOTE, _LF, _CR = b'"\n\r'


@dataclass(frozen=True, slots=True)
class QuotedSpans:
    """Where text is quoted.

    Attributes:
        edges: The positions of quotes in order. They open and close in turn. A doubled quote may be
            among them, as one that closes and one that opens. If their number is odd, the text ends
            inside quotes.
        regular: Whether every quote opens a field at its start, closes it at its end, or is doubled
            inside. The end of the text counts as the end of a field.
    """

    edges: Positions
    regular: bool

    @property
    def unclosed(self) -> int | None:
        """The position of the quote that is still open at the end of the text; None if none is."""
        if len(self.edges) % 2 == 0:
            return None
        last = len(self.edges) - 1
        while last and self.edges[last - 1] == self.edges[last] - 1:  # doubled
            last -= 2
        return int(self.edges[last])

    def outside(self, positions: Positions) -> npt.NDArray[np.bool_]:
        """Say for each position whether it is outside quotes. No position is that of an edge."""
        outside: npt.NDArray[np.bool_] = np.searchsorted(self.edges, positions) % 2 == 0
        return outside


def find_quoted(text: Text, delimiter: str) -> QuotedSpans:
    """Return where `text`, which starts at the start of a row, is quoted."""
    quotes = np.flatnonzero(text == _QUOTE)
    if not len(quotes):
        return QuotedSpans(quotes, regular=True)
    is_border = np.zeros(256, np.bool_)
    is_border[[ord(delimiter), _LF, _CR]] = True
    opening, closing = quotes[::2], quotes[1::2]
    starts_field = is_border[text[opening - 1]]
    starts_field[0] |= opening[0] == 0
    ends_field = is_border[text[np.minimum(closing + 1, len(text) - 1)]]
    if len(closing):
        ends_field[-1] |= closing[-1] == len(text) - 1
    doubled = closing[: len(opening) - 1] + 1 == opening[1:]
    starts_field[1:] |= doubled
    ends_field[: len(doubled)] |= doubled
    if starts_field.all() and ends_field.all():
        # By induction over the quotes, each opens or closes a field as its turn says.
        return QuotedSpans(quotes, regular=True)
    return QuotedSpans(_walk(text, quotes, is_border), regular=False)


def _walk(text: Text, quotes: Positions, is_border: npt.NDArray[np.bool_]) -> Positions:
    """Return the edges if quotes stand anywhere, by going through them one by one."""
    starts_field = is_border[text[quotes - 1]]
    starts_field[0] |= quotes[0] == 0
    followed = np.zeros(len(quotes), np.bool_)
    followed[:-1] = np.diff(quotes) == 1
    edges = []
    inside = skip = False
    for number, (starts, doubled) in enumerate(
        zip(starts_field.tolist(), followed.tolist(), strict=True)
    ):
        if skip:
            skip = False
        elif not inside:
            if starts:
                edges.append(number)
                inside = True
        elif doubled:
            skip = True
        else:
            edges.append(number)
            inside = False
    return quotes[edges]


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
    """The rows of CSV text that starts and ends with whole rows. Blank lines are no rows.

    Attributes:
        starts: The first byte of each row, int64 [rows].
        stops: The byte after each row, without the end of its line, int64 [rows].
        lines: How many lines come before each row, int64 [rows].
        fields: How many fields each row has, int64 [rows].
        late: Whether a quote of the row closes after a newline and before the end of its field,
            bool [rows]. Most often an earlier quote was not closed, and rows were swallowed.
    """

    starts: Positions
    stops: Positions
    lines: Positions
    fields: Positions
    late: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, data: bytes, delimiter: str) -> Self:
        """Return the rows of `data`."""
        text: Text = np.frombuffer(data, np.uint8)
        quoted = find_quoted(text, delimiter)
        ends = line_ends(text)
        row_ends = ends[quoted.outside(ends)]
        starts = np.concatenate([[0], row_ends + 1])
        stops = np.concatenate([row_ends, [len(text)]])
        crlf = (text[row_ends] == _LF) & (text[row_ends - 1] == _CR) & (row_ends > starts[:-1])
        stops[:-1] -= crlf
        filled = stops > starts
        starts, stops = starts[filled], stops[filled]
        delimiters = np.flatnonzero(text == ord(delimiter))
        delimiters = delimiters[quoted.outside(delimiters)]
        return cls(
            starts,
            stops,
            lines=np.searchsorted(ends, starts),
            fields=_count_between(delimiters, starts, stops) + 1,
            late=_count_between(_late_openings(text, quoted, ends, delimiter), starts, stops) > 0,
        )

    def take(self, keep: npt.NDArray[Any]) -> Self:
        """Return some of the rows, by mask or by positions."""
        return type(self)(
            self.starts[keep],
            self.stops[keep],
            self.lines[keep],
            self.fields[keep],
            self.late[keep],
        )

    def __len__(self) -> int:
        return len(self.starts)


def _late_openings(text: Text, quoted: QuotedSpans, ends: Positions, delimiter: str) -> Positions:
    if quoted.regular:
        return np.empty(0, np.int64)
    opening, closing = quoted.edges[::2], quoted.edges[1::2]
    opening = opening[: len(closing)]
    following = text[np.minimum(closing + 1, len(text) - 1)]
    literal = ~np.isin(following, [ord(delimiter), _LF, _CR]) & (closing < len(text) - 1)
    return opening[literal & (_count_between(ends, opening, closing) > 0)]


def _count_between(positions: Positions, starts: Positions, stops: Positions) -> Positions:
    return np.searchsorted(positions, stops) - np.searchsorted(positions, starts)
