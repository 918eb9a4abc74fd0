"""The cells of a column as they are compared: without white space around them, null if missing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, arrow_array, numpy_array, string_array

_SPACE, _OTHERS = 0x20, 0x80  # the largest byte of white space in ASCII, and what follows ASCII
# The first and the last byte that a character of white space may have in UTF-8.
_ASCII_SPACE = [*range(0x09, 0x0E), *range(0x1C, 0x21)]
_FIRST = np.zeros(256, np.bool_)
_FIRST[[*_ASCII_SPACE, 0xC2, 0xE1, 0xE2, 0xE3]] = True
_LAST = np.zeros(256, np.bool_)
_LAST[[*_ASCII_SPACE, *range(0x80, 0xC0)]] = True


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a column.

    Attributes:
        written: The cells [n] as the file has them: strings, or values in the type of the column if
            the file has types. A cell may be null already.
        texts: The cells [n] as they are compared. Missing cells are null.
    """

    written: pa.Array
    texts: pa.Array

    @classmethod
    def of(cls, written: pa.Array, *, strip: bool = True, missing: Collection[str] = ("",)) -> Self:
        """Return cells [n] as they are compared.

        Args:
            written: The cells [n] as strings. A null stays null.
            strip: Whether white space around a cell is cut off, and around `missing`.
            missing: The spellings of a missing cell. A cell without a character always is missing.

        Example:
            >>> Cells.of(pa.array([" a", " ?", ""]), missing=("?",)).texts.to_pylist()
            ['a', None, None]
        """
        texts = _trimmed(written) if strip else written
        spellings = {text.strip() if strip else text for text in missing} - {""}
        return cls(written, _without(texts, _missing(texts, spellings)))

    def missing_rows(self) -> list[int]:
        """Return the positions of the missing cells."""
        if not self.texts.null_count:
            return []
        rows: list[int] = np.flatnonzero(numpy_array(self.texts.is_null())).tolist()
        return rows

    def found(self, row: int) -> str:
        """Return what a message says was found in a cell."""
        cell = self.written[row].as_py()
        if cell is None or cell == "":
            return "an empty cell"
        return repr(cell) if self.texts[row].is_valid else f"{cell!r}, a missing cell"


def used_bytes(texts: pa.Array) -> npt.NDArray[np.uint8]:
    """Return the bytes of texts [n] one after another; those of nulls may be among them."""
    data = texts.buffers()[2] if len(texts) else None
    if not data:
        return np.zeros(0, np.uint8)
    ends = _ends(texts)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def _ends(texts: pa.Array) -> npt.NDArray[np.int32]:
    """Return where texts [n] begin in the bytes of their array, and where the last one ends."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)
    return offsets[texts.offset : texts.offset + len(texts) + 1]


def _trimmed(texts: pa.Array) -> pa.Array:
    # Most columns have no such white space. To see that is much less work than a copy: many have no
    # space and no other script at all, and others need a look at two bytes of each text.
    used = used_bytes(texts)
    if not len(used) or (used.min() > _SPACE and used.max() < _OTHERS):
        return texts
    ends = _ends(texts)
    starts, stops = ends[:-1] - ends[0], ends[1:] - ends[0] - 1
    # A text without a character gives two bytes of others. They make a copy too many at most.
    first, last = used[np.minimum(starts, len(used) - 1)], used[stops]
    if _FIRST[first].any() or _LAST[last].any():
        return pc.utf8_trim_whitespace(texts)
    return texts


def _missing(texts: pa.Array, spellings: Collection[str]) -> Array:
    """Say which texts [n] are empty or among `spellings`. Nulls may be said to be either."""
    if not len(texts):
        return np.zeros(0, np.bool_)
    sizes = np.diff(_ends(texts))
    missing: Array = sizes == 0
    if not spellings:
        return missing
    lengths = sorted({len(text.encode()) for text in spellings})
    likely = np.zeros(len(texts), np.bool_)
    for length in lengths:
        likely |= sizes == length
    rows = np.flatnonzero(likely)
    if len(rows):
        known = string_array(sorted(spellings))
        some = texts if len(rows) == len(texts) else texts.take(arrow_array(rows))
        missing[rows] = numpy_array(pc.is_in(some, value_set=known))
    return missing


def _without(texts: pa.Array, missing: Array) -> pa.Array:
    # The bytes of a text that becomes null stay where they are, so nothing is copied.
    if not missing.any():
        return texts
    valid = ~missing
    if texts.null_count:
        valid &= numpy_array(texts.is_valid())
    bits = np.packbits(np.append(np.zeros(texts.offset, np.bool_), valid), bitorder="little")
    _, offsets, data = texts.buffers()
    return pa.StringArray.from_buffers(
        len(texts), offsets, data, pa.py_buffer(bits), -1, texts.offset
    )
