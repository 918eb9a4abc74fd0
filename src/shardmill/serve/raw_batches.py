"""Rows to predict, batch by batch: a raw file as its recipe has it, or texts one a line.

A batch has the number of rows that was asked for, wherever chunks of the file end, so that models
are given the same batches as from shards.
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
from shardmill.raw.idx_source import IdxSource
from shardmill.raw.plain_file import file_stat, is_plain, plain_copy
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
    """Rows of a chunk from `start` on."""

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
        preprocessor: of the recipe that the file is like: a CSV of its columns, where targets may
            be missing, and with a header dropped ones too; or an IDX file of images. It may be
            compressed.
        path: of the file.
        rows: of a batch; the last one may have fewer.
        layout: How texts are put together; see `Preprocessor`.
        sizes: How much of the file is in memory at a time.

    Raises:
        InputError: the file, or a row of it, is not what the recipe says; the error says where.
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
    """Yield the tensors of texts that stand one on a line, `rows` at a time.

    Raises:
        InputError: the rows of this recipe are no texts.
        EncodingError: a line is not UTF-8.
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
    """Yield pieces of chunks that have `rows` rows together; the last ones may have fewer."""
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
    """Have no error send the user of a model to a recipe, which they may never have seen."""
    try:
        yield
    except InputError as error:
        if "recipe" not in error.fix:
            raise
        fix = "correct the file: what the model takes is fixed"
        if isinstance(error, EncodingError):
            fix = f"convert the file to {preprocessor.recipe.text_encoding()}"
        facts = {"expected": error.expected, "found": error.found, "fix": fix}
        raise type(error)(error.where, **facts) from None


@contextmanager
def _open(preprocessor: Preprocessor, path: Path) -> Iterator[RowSource]:
    recipe = preprocessor.recipe
    encoding = recipe.text_encoding()
    with TemporaryDirectory(prefix="shardmill-") as folder:
        file_stat(path)  # says so if there is no such file
        _check_file(path)
        file = _plain(path, Path(folder) / "plain", encoding)
        source = file_source(recipe, file, find_kind(recipe).source_columns(recipe))
        if isinstance(source, IdxSource):
            _check_shape(path, source.header, preprocessor.fitted.inputs[0])
        yield source


def _plain(path: Path, copy: Path, encoding: str | None) -> RawContent:
    """Return a file to read as it is, or its decompressed copy in UTF-8. Nothing is hashed."""
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
    stored = (1, *shape) if len(shape) == 2 else shape  # as `kinds.image.clean` has it
    if (stored, header.dtype.name) != (field.shape, field.dtype):
        wanted = field.shape[1:] if len(field.shape) == 3 and field.shape[0] == 1 else field.shape
        raise ImageShapeError(
            path,
            expected=f"rows of {field.dtype} {list(wanted)}",
            found=f"rows of {header.dtype.name} {list(shape)}",
            fix="give a file of images like those that the model was trained on",
        )
