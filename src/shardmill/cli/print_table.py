"""Prints tables whose numbers are never cut, however narrow the terminal is."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH = 120  # of a line that goes to a file or to another program
_UNBOUNDED = 1_000_000
_WORD = 16  # longer words of names and headings may be broken
_BORDERS = 3  # around each column, and one more at the end

Rows = Sequence[Sequence[str]]


def print_table(headings: Sequence[str], rows: Rows, *, names: int = 1) -> None:
    """Print a table to stdout.

    If a line is too short, names and headings are wrapped. No other cell is. If the others alone
    are longer than a line, so is the table.

    Args:
        headings: The heading of each column.
        rows: The cells of each row. They are no markup.
        names: How many columns, from the first on, hold names.
    """
    from rich.console import Console

    table = _table(headings, rows)
    width = line_width()
    if not _is_within(table, width):
        least = [_least_width(headings[at], [row[at] for row in rows]) for at in range(names)]
        needed = 1 + names * (max(least) + _BORDERS)
        for at, column in enumerate(table.columns[names:], names):
            # rich cuts columns of a fixed width last.
            cells = [row[at] for row in rows]
            column.width = max(_widest(cells), _least_width(headings[at], []))
            needed += column.width + _BORDERS
        width = max(width, needed)
    Console(width=width).print(table)


def fits(headings: Sequence[str], rows: Rows) -> bool:
    """Say whether a table can be printed without wrapping anything."""
    return _is_within(_table(headings, rows), line_width())


def line_width() -> int:
    """Return how many characters a line has: those of the terminal, or 120 elsewhere."""
    from rich.console import Console

    return Console().width if sys.stdout.isatty() else _WIDTH


def _table(headings: Sequence[str], rows: Rows) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in headings:
        table.add_column(Text(heading), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _is_within(table: "Table", width: int) -> bool:
    from rich.console import Console
    from rich.measure import Measurement

    wide = Console(width=_UNBOUNDED)
    return Measurement.get(wide, wide.options, table).maximum <= width


def _least_width(heading: str, cells: Sequence[str]) -> int:
    words = [word for text in (heading, *cells) for word in text.split()]
    return max(min(_widest(words), _WORD), 1)


def _widest(texts: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, texts), default=0)
