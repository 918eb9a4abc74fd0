"""Cuts a scanned text file into spans of whole rows by reading little of it."""

from collections.abc import Sequence
from typing import IO, NamedTuple, Self

import numpy as np

from shardmill.raw.scan_ranges import (
    Grains,
    ScanRule,
    Text,
    count_lines,
    line_ends_in,
    look_at,
    read_around,
)

_LF = ord("\n")


class Cut(NamedTuple):
    """Where a span of whole rows ends.

    Attributes:
        stop: The byte after it.
        lines: How many lines end in it.
    """

    stop: int
    lines: int


class ScannedFile:
    """The grains of a file, from which its spans of whole rows are cut.

    Args:
        rule: How rows end.
        ranges: What is known of the ranges of the file, in order; see `scan_range`.
        size: The size of the file when it was scanned.
        grain_bytes: The size of a grain.
    """

    def __init__(
        self, rule: ScanRule, ranges: Sequence[Grains], *, size: int, grain_bytes: int
    ) -> None:
        self.rule = rule
        self._size = size
        self._grain_bytes = grain_bytes
        self._odd = np.concatenate([each.odd for each in ranges])
        self._outside = np.concatenate([each.outside for each in ranges])
        self._inside = np.concatenate([each.inside for each in ranges])
        self._lines = np.concatenate([each.lines for each in ranges])

    def cut(self, file: IO[bytes], start: int, span_bytes: int) -> Cut | None:
        """Return the end of the last row that ends within `span_bytes` bytes.

        Args:
            file: The file.
            start: The byte at which a row begins.
            span_bytes: The most bytes of the span.

        Returns:
            None if the span must be cut by reading all of it: the file ends there, its quotes are
            irregular, or a row is longer than the span.
        """
        stop, grain = start + span_bytes, self._grain_bytes
        first, last = -(-start // grain), (stop - 1) // grain
        if stop > self._size or first > last:
            return None
        head = _Stretch.read(file, start, first * grain, self.rule, is_first=True)
        odd = self._odd[first:last]
        inside = (np.cumsum(odd) - odd + len(head.quotes)) % 2 == 1
        regular = np.where(inside, self._inside[first:last], self._outside[first:last])
        if not (head.is_regular(inside=False) and regular.all()):
            return None
        is_inside = bool((len(head.quotes) + np.count_nonzero(odd)) % 2)
        tail = _Stretch.read(file, last * grain, stop, self.rule, is_last=True)
        if not tail.is_regular(inside=is_inside):
            return None
        lines = head.lines + int(self._lines[first:last].sum())
        end = tail.last_end(inside=is_inside)
        # Rows may be longer than a grain.
        while end is None and last > first:
            last -= 1
            lines -= int(self._lines[last])
            tail = _Stretch.read(file, last * grain, (last + 1) * grain, self.rule)
            end = tail.last_end(inside=bool(inside[last - first]))
        if end is None:
            lines, tail = 0, head
            end = head.last_end(inside=False)
        return None if end is None else Cut(tail.start + end, lines + tail.lines_in(end))


class _Stretch:
    """Some bytes of a file, and what is known of them."""

    def __init__(self, text: Text, start: int, rule: ScanRule, *, is_first: bool) -> None:
        self._text = text
        self._rule = rule
        self._end = len(text) - 1
        self._piece = look_at(text, 1, self._end, rule, alone=is_first)
        self.quotes = self._piece.quotes
        self.start = start

    @classmethod
    def read(
        cls,
        file: IO[bytes],
        start: int,
        stop: int,
        rule: ScanRule,
        *,
        is_first: bool = False,
        is_last: bool = False,
    ) -> Self:
        text = read_around(file, bytearray(stop - start + 2), start, stop - start)
        if is_last:
            text = text.copy()
            text[-1] = _LF  # a LF may follow a CR, whatever does
        return cls(text, start, rule, is_first=is_first)

    @property
    def lines(self) -> int:
        return count_lines(self._text, 1, self._end, self._rule)

    def is_regular(self, *, inside: bool) -> bool:
        return self._piece.inside if inside else self._piece.outside

    def last_end(self, *, inside: bool) -> int | None:
        """Return how many bytes there are up to the end of the last row that ends here."""
        ends = line_ends_in(self._text, 1, self._end, self._rule)
        before = np.searchsorted(self.quotes, ends)
        ends = ends[(before % 2 == 1) == inside]
        return int(ends[-1]) + 1 if len(ends) else None

    def lines_in(self, end: int) -> int:
        """Return how many lines end in the first bytes."""
        return count_lines(self._text, 1, 1 + end, self._rule)
