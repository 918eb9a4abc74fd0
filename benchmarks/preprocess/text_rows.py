"""CSV files in the form of AG News, of any size, made from real rows with a seed."""

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

SEED = 0
_BLOCK = 100_000


def write_text_rows(real: Path, path: Path, *, rows: int) -> None:
    """Write `rows` rows: the class and title of one real row, the description of another.

    All cells are quoted. A longer file of the same seed starts with the rows of a shorter one.

    Args:
        real: a CSV file with the columns class, title, description and no header.
        path: the file to write.
        rows: how many.
    """
    heads, tails = _read_parts(real)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for first, second in _draw(len(heads), rows):
            pairs = zip(map(heads.__getitem__, first), map(tails.__getitem__, second), strict=True)
            file.write(b"".join(chain.from_iterable(pairs)))


def rows_in(real: Path, size: int) -> int:
    """Return about how many rows make a file of `size` bytes."""
    heads, tails = _read_parts(real)
    mean = (sum(map(len, heads)) + sum(map(len, tails))) / len(heads)
    return int(size / mean)


def _draw(real_rows: int, rows: int) -> Iterator[tuple[list[int], list[int]]]:
    draw = np.random.default_rng(SEED)
    for start in range(0, rows, _BLOCK):
        here = min(_BLOCK, rows - start)
        # A whole block is drawn, though part of it may do: so files have equal beginnings.
        first, second = draw.integers(real_rows, size=(2, _BLOCK))[:, :here].tolist()
        yield first, second


def _read_parts(real: Path) -> tuple[list[bytes], list[bytes]]:
    """Return what a row can start with, and what it can end with."""
    with real.open(newline="", encoding="utf-8") as file:
        cells = list(csv.reader(file))
    heads = [f"{_quoted(label)},{_quoted(title)},".encode() for label, title, _ in cells]
    return heads, [f"{_quoted(description)}\n".encode() for _, _, description in cells]


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'
