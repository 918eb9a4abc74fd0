"""Cuts the files of a split into parts, which are cleaned each on its own, in any process.

How they are cut depends on the files alone, so the result is the same with any number of workers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

# What is in memory at a time, as it stands in the file; a row group of Parquet, too.
CHUNK_BYTES = 8 * 2**20
# A part becomes a Parquet file. Small inputs have parts enough for some cores, large ones no more
# files than are handy.
_SMALL_PART, _LARGE_PART, _PARTS = 16 * 2**20, 128 * 2**20, 64


class Chunk(Protocol):
    """Rows that follow one another in a raw file, read together."""

    @property
    def bytes(self) -> int:
        """How much of the file they take."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """Chunks that follow one another, and the part's number in its split."""

    index: int
    chunks: tuple[Chunk, ...]


def cut_parts(chunks: Iterable[Chunk], *, total_bytes: int) -> Iterator[Part]:
    """Yield parts of about the same size, of the chunks of a split of `total_bytes`."""
    part_bytes = _part_bytes(total_bytes)
    index, waiting, size = 0, [], 0
    for chunk in chunks:
        waiting.append(chunk)
        size += chunk.bytes
        if size >= part_bytes:
            yield Part(index, tuple(waiting))
            index, waiting, size = index + 1, [], 0
    if waiting:
        yield Part(index, tuple(waiting))


def part_count(total_bytes: int) -> int:
    """Return about how many parts a split of `total_bytes` has."""
    return -(-total_bytes // _part_bytes(total_bytes))


def _part_bytes(total_bytes: int) -> int:
    return min(max(total_bytes // _PARTS, _SMALL_PART), _LARGE_PART)
