"""Reads rows to predict, batch by batch, from a raw file or from texts with one on each line.

A batch has the number of rows that was asked for, wherever the chunks of the file end. So a model
gets the same batches as from shards.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from shardmill.errors import (
    EncodingError,
    ImageShapeError,
    InputError,
    KindOfRowsError,
    NotAFileError,
)
from shardmill.format.layout import Field
from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.row import RowFault
from shardmill.raw.decompress import file_stat
from shardmill.raw.idx_source import IdxSource
from shardmill.raw.plain_file import is_plain, plain_copy
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_idx import IdxHeader
from shardmill.raw.row_source import RowSource
from shardmill.raw.sources import file_source
from shardmill.raw.work_sizes import DEFAULT_SIZES, WorkSizes
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.serve.preprocessor import Layout, Preprocessor

if TYPE_CHECKING:
    from shardmill.serve.preprocessor import Inputs


class _Piece(NamedTuple):
    """Some rows of a chunk, beginning with row `start` of it."""

    chunk: Any
    start: int
    table: pa.Table


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
    with _reworded(preprocessor), _open(preprocessor, path) as source:
        for pieces in _regroup(_rows(source, sizes.chunk_bytes), rows):
            table = pa.concat_tables([piece.table for piece in pieces])
            try:
                x = preprocessor.encode_raw(table, layout=layout)
            except RowFault as fault:
                raise fault.at(_place(source, pieces, fault.row)) from None
            yield x


def text_batches(
    preprocessor: Preprocessor, lines: IO[bytes], rows: int, *, layout: Layout = "padded"
) -> Iterator["Inputs"]:
    """Yield the tensors of texts, of which each line holds one, `rows` at a time.

    Raises:
        KindOfRowsError: The rows of this recipe are no texts.
        EncodingError: A line is not UTF-8.
    """
    if not isinstance(preprocessor.recipe, TextRecipe):
        raise KindOfRowsError(
            "stdin",
            expected=f"rows of kind {preprocessor.recipe.kind}, in a file",
            found="texts, one a line",
            fix="give the path of a raw file",
        )
    texts: list[str] = []
    for number, line in enumerate(lines, 1):
        texts.append(_decode(line, number))
        if len(texts) == rows:
            yield preprocessor(texts, layout=layout)
            texts = []
    if texts:
        yield preprocessor(texts, layout=layout)


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


def _regroup(chunks: Iterable[tuple[Any, pa.Table]], rows: int) -> Iterator[list[_Piece]]:
    """Yield pieces of chunks with `rows` rows together. The last ones may have fewer."""
    pieces: list[_Piece] = []
    wanted = rows
    for chunk, table in chunks:
        start = 0
        while start < len(table):
            piece = table.slice(start, wanted)
            pieces.append(_Piece(chunk, start, piece))
            start += len(piece)
            wanted -= len(piece)
            if wanted == 0:
                yield pieces
                pieces, wanted = [], rows
    if pieces:
        yield pieces


def _place(source: RowSource, pieces: Iterable[_Piece], row: int) -> str:
    for piece in pieces:
        if row < len(piece.table):
            (found,) = source.places(piece.chunk, [piece.start + row], "")
            return str(found)
        row -= len(piece.table)
    raise IndexError(row)


@contextmanager
def _reworded(preprocessor: Preprocessor) -> Iterator[None]:
    """Reword errors that mention the recipe, which the user of a model may never have seen."""
    try:
        yield
    except InputError as error:
        if "recipe" not in error.fix:
            raise
        fix = "correct the file: what the model takes is fixed"
        if isinstance(error, EncodingError):
            fix = f"convert the file to {preprocessor.recipe.encoding()}"
        facts = {"expected": error.expected, "found": error.found, "fix": fix}
        raise type(error)(error.where, **facts) from None


@contextmanager
def _open(preprocessor: Preprocessor, path: Path) -> Iterator[RowSource]:
    recipe = preprocessor.recipe
    encoding = recipe.encoding()
    with TemporaryDirectory(prefix="shardmill-") as folder:
        file_stat(path)  # raises if there is no such file
        _check_file(path)
        file = _plain(path, Path(folder) / "plain", encoding)
        source = file_source(recipe, file, find_kind(recipe).source_columns(recipe))
        if isinstance(source, IdxSource):
            _check_shape(path, source.header, preprocessor.fitted.inputs[0])
        yield source


def _plain(path: Path, copy: Path, encoding: str | None) -> RawContent:
    """Return the file itself if it is plain, or else its decompressed copy in UTF-8."""
    if is_plain(path, encoding):
        stat = file_stat(path)
        return RawContent(path, stat[0], "", None, stat, path)
    return RawContent.of(path, plain_copy(path, copy, encoding=encoding))


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise NotAFileError(
            path,
            expected="a file",
            found="a folder" if path.is_dir() else "a pipe or device",
            fix="give the path of a raw file",
        )


def _rows(source: RowSource, chunk_bytes: int) -> Iterator[tuple[Any, pa.Table]]:
    for chunk in source.chunks(chunk_bytes):
        table, _ = source.read(chunk)
        yield chunk, table


def _check_shape(path: Path, header: IdxHeader, field: Field) -> None:
    shape = header.shape[1:]
    stored = (1, *shape) if len(shape) == 2 else shape  # `kinds.image.clean` does the same
    if (stored, header.dtype.name) != (field.shape, field.dtype):
        wanted = field.shape[1:] if len(field.shape) == 3 and field.shape[0] == 1 else field.shape
        raise ImageShapeError(
            path,
            expected=f"rows of {field.dtype} {list(wanted)}",
            found=f"rows of {header.dtype.name} {list(shape)}",
            fix="give a file of images like those that the model was trained on",
        )
