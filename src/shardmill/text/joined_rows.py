"""Takes the rows of a string array as one piece: bytes with offsets, or a string with ends.

Functions that run at C speed over one piece need no loop over the rows.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, numpy_array, rows_of, string_array


def content_of(texts: pa.Array) -> tuple[bytes, Array]:
    """Return the UTF-8 bytes of a string array [n], and where each row begins, int32 [n + 1]."""
    if not len(texts):
        return b"", np.zeros(1, np.int32)
    _, offsets, data = texts.buffers()
    # A slice shares the buffers of the whole array. Its own part of them starts at `first`.
    own = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    first, last = int(own[0]), int(own[-1])
    content = data.slice(first, last - first).to_pybytes() if data is not None else b""
    return content, own - own[0]


@dataclass(frozen=True, slots=True)
class JoinedRows:
    r"""All rows in one string, each followed by a line feed.

    Only `ends` says where rows end, so rows may hold line feeds of their own. The line feed keeps
    rows apart for rules that look at neighbours: no HTML reference goes beyond it, and it is
    neither cased nor ignored by case, so a capital sigma before it becomes a final sigma.

    Attributes:
        text: The rows.
        ends: The place of the line feed of each row in `text`, in code points, int64 [n].

    Example:
        >>> JoinedRows.of(pa.array(["ab", "", "é"]))
        JoinedRows(text='ab\n\né\n', ends=array([2, 3, 5]))
    """

    text: str
    ends: Array

    @classmethod
    def of(cls, texts: pa.Array) -> Self:
        """Join the rows of a string array without nulls."""
        joined = pc.binary_join_element_wise(texts, *string_array(["", "\n"]))
        sizes = numpy_array(pc.utf8_length(joined)).astype(np.int64)
        return cls(content_of(joined)[0].decode(), np.cumsum(sizes) - 1)

    def to_array(self) -> pa.Array:
        """Return the rows as a string array [n]."""
        content = self.text.encode()
        line_feeds = self.ends
        if not self.text.isascii():
            # A byte 10xxxxxx continues a code point in UTF-8. The k-th other byte begins code point
            # k.
            begins = np.flatnonzero((np.frombuffer(content, np.uint8) & 0xC0) != 0x80)
            line_feeds = begins[self.ends]
        rows = rows_of(content, np.append(0, line_feeds + 1))
        return pc.utf8_slice_codeunits(rows, 0, -1)


def code_points(text: str) -> Array:
    """Return the code points of a text, uint32."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4")
