"""Scans ranges of a large text file, so that its rows can be cut without reading it in order.

Whether a byte is inside quotes depends on all quotes before it. So each range is scanned under both
assumptions, by any process. What is found is a few bytes for each grain of the file. With these,
`cut_scanned` finds the end of a row near any byte by reading a grain or two.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt

from shardmill.raw.decompress import unreadable
from shardmill.recipe.csv_options import WHITESPACE, Csv
from shardmill.store.mounts import here

Text = npt.NDArray[np.uint8]

_AT_A_TIME = 8  # grains that are read into memory
_LF, _CR = b"\n\r"


@dataclass(frozen=True, slots=True)
class ScanRule:
    """How rows end in a text file, as far as single bytes say it.

    Attributes:
        quote: The quote; None if quotes are text.
        borders: What is between fields besides the ends of lines; empty if that is no single byte,
            so that text with quotes is irregular.
        odd: Bytes that make text irregular: an escape.
        comment: What a comment at the start of a line begins with, which makes text irregular; None
            without comments.
        cr: Whether a CR ends a line too.
        is_plain: Whether spans of whole rows in which all is regular count as such.
    """

    quote: int | None = None
    borders: bytes = b""
    odd: bytes = b""
    comment: int | None = None
    cr: bool = False
    is_plain: bool = False

    @classmethod
    def of_csv(cls, options: Csv) -> "ScanRule":
        """Return the rule of a dialect of CSV.

        Example:
            >>> rule = ScanRule.of_csv(Csv(delimiter=";"))
            >>> rule.quote == ord('"'), rule.borders
            (True, b';')
        """
        borders = b" \t" if options.delimiter == WHITESPACE else options.delimiter.encode()
        is_sign = len(borders) == 1 or options.delimiter == WHITESPACE
        return cls(
            quote=ord(options.quote) if options.quote else None,
            borders=borders if is_sign else b"",
            odd=options.escape.encode(),
            comment=options.comment.encode()[0] if options.comment else None,
            cr=True,
            is_plain=options.is_plain,
        )


class Piece(NamedTuple):
    """What is known of some text.

    Attributes:
        quotes: The positions of its quotes, int64.
        outside: Whether all is regular if the text begins outside quotes: every quote opens a field
            at its start, closes it at its end, or is doubled inside.
        inside: Whether all is regular if the text begins inside quotes.
    """

    quotes: npt.NDArray[np.int64]
    outside: bool
    inside: bool


@dataclass(frozen=True, slots=True)
class Grains:
    """What is known of the grains of a file, or of a range of it.

    Attributes:
        odd: Whether the number of quotes is odd, bool [grains].
        outside: Whether all is regular if the grain begins outside quotes, bool [grains].
        inside: Whether all is regular if the grain begins inside quotes, bool [grains].
        lines: How many lines end in the grain, int32 [grains].
    """

    odd: npt.NDArray[np.bool_]
    outside: npt.NDArray[np.bool_]
    inside: npt.NDArray[np.bool_]
    lines: npt.NDArray[np.int32]


def scan_range(path: Path, rule: ScanRule, start: int, stop: int, grain_bytes: int) -> Grains:
    """Return what is known of the whole grains between two bytes of a file.

    Args:
        path: A plain file.
        rule: How its rows end.
        start: The byte at which the range begins, which is the start of a grain.
        stop: The byte after the range.
        grain_bytes: The size of a grain; see `WorkSizes`.

    Raises:
        UnreadableFileError: The file cannot be read.
    """
    grains = []
    block = bytearray(grain_bytes * _AT_A_TIME + 2)
    try:
        with here(path).open("rb", buffering=0) as file:
            for at in range(start, stop, grain_bytes * _AT_A_TIME):
                size = min(stop - at, grain_bytes * _AT_A_TIME)
                text = read_around(file, block, at, size)
                for begin in range(1, size + 1, grain_bytes):
                    grains.append(_grain(text, begin, min(begin + grain_bytes, size + 1), rule))
    except OSError as error:
        raise unreadable(path, error) from None
    odd, outside, inside, lines = zip(*grains, strict=True) if grains else ((),) * 4
    return Grains(
        np.array(odd, np.bool_),
        np.array(outside, np.bool_),
        np.array(inside, np.bool_),
        np.array(lines, np.int32),
    )


def _grain(text: Text, begin: int, end: int, rule: ScanRule) -> tuple[bool, bool, bool, int]:
    piece = look_at(text, begin, end, rule)
    lines = count_lines(text, begin, end, rule)
    return len(piece.quotes) % 2 == 1, piece.outside, piece.inside, lines


def read_around(file: IO[bytes], block: bytearray, start: int, size: int) -> Text:
    """Read bytes of a file with one byte before and one after them.

    Args:
        file: A file with a descriptor. Its position does not matter.
        block: Memory for `size + 2` bytes or more.
        start: The first byte.
        size: How many bytes.

    Returns:
        The bytes, uint8 [size + 2]: 0 where the file has none.
    """
    before = int(start > 0)
    with memoryview(block) as view:
        view[:1] = b"\0"
        done = 1 - before
        while read := os.preadv(file.fileno(), [view[done : size + 2]], start + done - 1):
            done += read
            if done == size + 2:
                break
        view[done : size + 2] = bytes(size + 2 - done)
    return np.frombuffer(block, np.uint8, size + 2)


def look_at(text: Text, begin: int, end: int, rule: ScanRule, *, alone: bool = False) -> Piece:
    """Return what is known of `text[begin:end]`. One byte before it and one after it are there.

    Args:
        text: The text, uint8.
        begin: The first byte.
        end: The byte after the last one.
        rule: How rows end.
        alone: Whether rows begin with the first byte.
    """
    own = text[begin:end]
    none = np.empty(0, np.int64)
    if rule.odd and (own == rule.odd[0]).any():
        return Piece(none, outside=False, inside=False)
    if rule.comment is not None and _has_comment(text, begin, end, rule.comment, alone=alone):
        return Piece(none, outside=False, inside=False)
    if rule.quote is None:
        return Piece(none, outside=True, inside=False)
    quotes = np.flatnonzero(own == rule.quote)
    if not len(quotes):
        return Piece(quotes, outside=True, inside=True)
    if not rule.borders:
        return Piece(quotes, outside=False, inside=False)
    # A quote beside a quote is doubled, or it is that of an empty field: their turns say which.
    is_border = np.zeros(256, np.bool_)
    is_border[[*rule.borders, _LF, _CR, rule.quote]] = True
    opens, closes = is_border[text[quotes + begin - 1]], is_border[text[quotes + begin + 1]]
    if alone:
        opens[0] |= quotes[0] == 0
    return Piece(
        quotes,
        outside=bool(opens[::2].all() and closes[1::2].all()),
        inside=bool(closes[::2].all() and opens[1::2].all()),
    )


def _has_comment(text: Text, begin: int, end: int, sign: int, *, alone: bool) -> bool:
    signs = np.flatnonzero(text[begin:end] == sign)
    if not len(signs):
        return False
    before = text[signs + begin - 1]
    return bool(((before == _LF) | (before == _CR)).any()) or (alone and bool(signs[0] == 0))


def count_lines(text: Text, begin: int, end: int, rule: ScanRule) -> int:
    """Return how many lines end in `text[begin:end]`. The byte after it says where a CRLF ends."""
    own = text[begin:end]
    ends = int(np.count_nonzero(own == _LF))
    if rule.cr:
        is_cr = own == _CR
        if is_cr.any():
            ends += int(np.count_nonzero(is_cr & (text[begin + 1 : end + 1] != _LF)))
    return ends


def line_ends_in(text: Text, begin: int, end: int, rule: ScanRule) -> npt.NDArray[np.int64]:
    """Return the last byte of each line that ends in `text[begin:end]`, counted from `begin`."""
    own = text[begin:end]
    is_end = own == _LF
    if rule.cr:
        is_end |= (own == _CR) & (text[begin + 1 : end + 1] != _LF)
    return np.flatnonzero(is_end)
