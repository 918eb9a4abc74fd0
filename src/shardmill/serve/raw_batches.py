"""Reads rows to predict, batch by batch, from a raw file or from texts with one on each line.

A batch has the number of rows that was asked for, wherever the chunks of the file end. So a model
gets the same batches as from shards.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.errors import (
    EncodingError,
    KindOfRowsError,
)
from shardmill.format.arrow_arrays import arrow_array
from shardmill.kinds.row import RowFault, reason_of
from shardmill.raw.row_source import BadPlace, Place, RowSource
from shardmill.raw.spell_values import texts_of
from shardmill.raw.work_sizes import DEFAULT_SIZES, WorkSizes
from shardmill.recipe.names import listed
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.serve.open_source import open_source, reworded
from shardmill.serve.preprocessor import Layout, Preprocessor

if TYPE_CHECKING:
    from shardmill.serve.preprocessor import Inputs


class RawBatch(NamedTuple):
    """Some rows of a raw file.

    Attributes:
        x: Their tensors [b, ...].
        rows: Their numbers in the file, from 0 and with the bad ones, int64 [b].
        kept: The columns [b] that go along, as strings.
    """

    x: "Inputs"
    rows: npt.NDArray[np.int64]
    kept: pa.Table


class _Piece(NamedTuple):
    """Some rows of a chunk, beginning with row `start` of its table.

    Attributes:
        chunk: The chunk.
        start: The first row, in the table of the chunk.
        table: The rows [b].
        rows: The numbers of the rows in the file, int64 [b].
    """

    chunk: Any
    start: int
    table: pa.Table
    rows: npt.NDArray[np.int64]


def raw_batches(
    preprocessor: Preprocessor,
    path: Path,
    rows: int,
    *,
    layout: Layout = "padded",
    sizes: WorkSizes = DEFAULT_SIZES,
) -> Iterator["Inputs"]:
    """Yield the tensors of the rows of a raw file in order, `rows` at a time.

    Args:
        preprocessor: The preprocessor of the recipe that the file is like.
        path: The raw file, which may be compressed. A CSV file may lack the targets, and with a
            header also the columns that the recipe drops.
        rows: How many rows a batch has. The last batch may have fewer.
        layout: How texts are put together; see `Preprocessor`.
        sizes: How much of the file is in memory at a time.

    Raises:
        InputError: The file, or a row of it, is not what the recipe says. The error says where.
    """
    for batch in batches_of_file(preprocessor, path, rows, layout=layout, sizes=sizes):
        yield batch.x


OnBad = Callable[[BadPlace], None]


def batches_of_file(
    preprocessor: Preprocessor,
    path: Path,
    rows: int,
    *,
    layout: Layout = "padded",
    keep: Sequence[str] = (),
    on_bad: OnBad | None = None,
    sizes: WorkSizes = DEFAULT_SIZES,
) -> Iterator[RawBatch]:
    """Yield batches of the rows of a raw file in order, `rows` at a time.

    Args:
        preprocessor: The preprocessor of the recipe that the file is like.
        path: The raw file; see `raw_batches`. A pipe is copied to a temporary file first, and - is
            stdin.
        rows: How many rows a batch has. The last batch may have fewer, and so may one in which
            rows are bad.
        layout: How texts are put together; see `Preprocessor`.
        keep: The columns of a CSV file that go along.
        on_bad: What to call for each bad row. Without it, the first one is an error.
        sizes: How much of the file is in memory at a time.

    Raises:
        InputError: The file is not what the recipe says, or a row is not and there is no `on_bad`.
    """
    with reworded(preprocessor), open_source(preprocessor, path, keep) as source:
        if on_bad is None:
            source = source.failing()
        found = _rows(source, sizes.chunk_bytes, on_bad)
        for pieces in _regroup(found, rows):
            batch = _batch(preprocessor, source, pieces, layout=layout, keep=keep, on_bad=on_bad)
            if len(batch.rows):
                yield batch


def _batch(
    preprocessor: Preprocessor,
    source: RowSource,
    pieces: Sequence[_Piece],
    *,
    layout: Layout,
    keep: Sequence[str],
    on_bad: OnBad | None,
) -> RawBatch:
    """Encode the rows of some pieces, without those that are bad."""
    table = pa.concat_tables([piece.table for piece in pieces])
    good = np.arange(len(table))
    while True:
        kept = table.take(arrow_array(good))
        try:
            x = preprocessor.encode_raw(kept, layout=layout) if len(good) else None
            numbers = np.concatenate([piece.rows for piece in pieces])[good]
            texts = pa.table({name: texts_of(kept.column(name)) for name in keep})
            return RawBatch(x, numbers, texts)  # type: ignore[arg-type]
        except RowFault as fault:
            place = _place(source, pieces, int(good[fault.row]))
            if on_bad is None:
                raise fault.at(str(place)) from None
            on_bad(BadPlace(place, reason_of(fault)))
            good = np.delete(good, fault.row)


def batches_of_texts(
    preprocessor: Preprocessor, lines: IO[bytes], rows: int, *, layout: Layout = "padded"
) -> Iterator[RawBatch]:
    """Yield batches of texts, of which each line holds one, `rows` at a time.

    Raises:
        KindOfRowsError: The rows of this recipe are no texts, or have several texts each.
        EncodingError: A line is not UTF-8.
    """
    recipe = preprocessor.recipe
    rows_of = f"rows of kind {recipe.kind}"
    if isinstance(recipe, TextRecipe):
        rows_of = f"rows of the texts {listed(tuple(recipe.groups))}" if recipe.groups else ""
    if rows_of:
        raise KindOfRowsError(
            "stdin",
            expected=f"{rows_of}, in a file",
            found="texts, one a line",
            fix="give the path of a raw file",
        )
    numbered = (_decode(line, number) for number, line in enumerate(lines, 1))
    first = 0
    while texts := list(islice(numbered, rows)):
        numbers = np.arange(first, first + len(texts))
        yield RawBatch(preprocessor(texts, layout=layout), numbers, pa.table({}))
        first += len(texts)


def _decode(line: bytes, number: int) -> str:
    try:
        return line.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError as error:
        raise EncodingError(
            f"stdin, line {number}",
            expected="UTF-8",
            found=f"byte 0x{line[error.start]:02x} at byte {error.start + 1}",
            fix="convert the text with iconv -t utf-8",
        ) from None


def _regroup(
    chunks: Iterable[tuple[Any, pa.Table, npt.NDArray[np.int64]]], rows: int
) -> Iterator[list[_Piece]]:
    """Yield pieces of chunks with `rows` rows together. The last ones may have fewer."""
    pieces: list[_Piece] = []
    wanted = rows
    for chunk, table, numbers in chunks:
        start = 0
        while start < len(table):
            piece = table.slice(start, wanted)
            pieces.append(_Piece(chunk, start, piece, numbers[start : start + len(piece)]))
            start += len(piece)
            wanted -= len(piece)
            if wanted == 0:
                yield pieces
                pieces, wanted = [], rows
    if pieces:
        yield pieces


def _place(source: RowSource, pieces: Iterable[_Piece], row: int) -> Place:
    for piece in pieces:
        if row < len(piece.table):
            (found,) = source.places(piece.chunk, [piece.start + row], "")
            return found
        row -= len(piece.table)
    raise IndexError(row)


def _rows(
    source: RowSource, chunk_bytes: int, on_bad: OnBad | None
) -> Iterator[tuple[Any, pa.Table, npt.NDArray[np.int64]]]:
    """Yield each chunk, its good rows, and their numbers in the file."""
    first = 0
    for chunk in source.chunks(chunk_bytes):
        table, bad, _ = source.read(chunk)
        numbers = np.arange(first, first + len(table))
        if bad and on_bad is not None:
            lines = [place.number for place in source.places(chunk, range(len(table)), "")]
            bad_lines = sorted(row.place.number for row in bad)
            numbers += np.searchsorted(bad_lines, lines)
            for row in bad:
                on_bad(row)
        yield chunk, table, numbers
        first += len(table) + len(bad)
