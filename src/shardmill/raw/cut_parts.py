"""Cuts the files of a split into parts, each of which any process can clean on its own.

The cuts depend on the files alone, so the result is the same with any number of workers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol


class Chunk(Protocol):
    """Rows that follow one another in a raw file, and are read together."""

    @property
    def bytes(self) -> int:
        """How many bytes of the file the rows take."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """Chunks that follow one another, and the number of the part in its split."""

    index: int
    chunks: tuple[Chunk, ...]


def cut_parts(chunks: Iterable[Chunk], *, part_bytes: int) -> Iterator[Part]:
    """Yield parts of about `part_bytes` bytes, made of chunks in their order.

    A part closes with the chunk that reaches its size; the last part may be smaller.

    Args:
        chunks: The chunks of a split. They are taken as they are needed.
        part_bytes: The least bytes of a part; see `WorkSizes.part_bytes`.
    """
    index, waiting, size = 0, [], 0
    for chunk in chunks:
        waiting.append(chunk)
        size += chunk.bytes
        if size >= part_bytes:
            yield Part(index, tuple(waiting))
            index, waiting, size = index + 1, [], 0
    if waiting:
        yield Part(index, tuple(waiting))
