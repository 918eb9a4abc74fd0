"""Rows to predict, batch by batch: a raw file as its recipe has it, or texts one a line.

A batch has the number of rows that was asked for, wherever chunks of the file end, so that models
are given the same batches as from shards.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

import pyarrow as pa

from shardmill.errors import EncodingError, InputError
from shardmill.format.layout import Field
from shardmill.kinds.image import image_table
from shardmill.kinds.row import RowFault
from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks, read_header
from shardmill.raw.csv.read_csv import check_header, lines_of_rows, parse_chunk
from shardmill.raw.cut_parts import CHUNK_BYTES
from shardmill.raw.plain_file import file_stat, is_plain, open_raw, plain_copy
from shardmill.raw.read_idx import IdxHeader, read_idx_header, read_idx_rows
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.tables import Csv
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.serve.preprocessor import Layout, Preprocessor

if TYPE_CHECKING:
    from shardmill.serve.preprocessor import Inputs


class _Rows(Protocol):
    def chunks(self) -> Iterator[tuple[Any, pa.Table]]: ...

    def place(self, chunk: Any, row: int) -> str: ...


class _Piece(NamedTuple):
    """Rows of a chunk from `start` on."""

    chunk: Any
    start: int
    table: pa.Table


def raw_batches(
    preprocessor: Preprocessor, path: Path, rows: int, *, layout: Layout = "padded"
) -> Iterator["Inputs"]:
    """Yield the tensors of the rows of a raw file in order, `rows` at a time.

    Args:
        preprocessor: of the recipe that the file is like: a CSV of its columns, where targets may
            be missing, and with a header dropped ones too; or an IDX file of images. It may be
            compressed.
        path: of the file.
        rows: of a batch; the last one may have fewer.
        layout: of texts, see `Preprocessor`.

    Raises:
        InputError: the file, or a row of it, is not what the recipe says; the error says where.
    """
    with _reworded(preprocessor), _open(preprocessor, path) as source:
        for pieces in _regroup(source.chunks(), rows):
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
        raise InputError(
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


def _place(source: _Rows, pieces: Iterable[_Piece], row: int) -> str:
    for piece in pieces:
        if row < len(piece.table):
            return source.place(piece.chunk, piece.start + row)
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
            fix = f"convert the file to {_encoding(preprocessor)}"
        facts = {"expected": error.expected, "found": error.found, "fix": fix}
        raise type(error)(error.where, **facts) from None


def _encoding(preprocessor: Preprocessor) -> str | None:
    recipe = preprocessor.recipe
    return None if isinstance(recipe, ImageRecipe) else recipe.csv.encoding


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(
            path,
            expected="a file",
            found="a folder" if path.is_dir() else "a pipe or device",
            fix="give the path of a raw file",
        )


# How files start that are taken for CSV: no text has these bytes.
_BINARY = {b"\0\0": "an IDX file", b"PK\3\4": "a zip archive or workbook", b"PAR1\x15": "Parquet"}


def _check_text(path: Path, plain: Path) -> None:
    with open_raw(plain) as file:
        start = file.read(max(map(len, _BINARY)))
    for magic, found in _BINARY.items():
        if start.startswith(magic):
            fix = "give a CSV file of rows like those that the model was trained on"
            raise InputError(path, expected="a text file", found=found, fix=fix)


@contextmanager
def _open(preprocessor: Preprocessor, path: Path) -> Iterator[_Rows]:
    recipe, encoding = preprocessor.recipe, _encoding(preprocessor)
    with TemporaryDirectory(prefix="shardmill-") as folder:
        plain, size = path, file_stat(path)[0]
        _check_file(path)
        if not is_plain(path, encoding):
            copy = plain_copy(path, Path(folder) / "plain", encoding=encoding)
            plain, size = copy.path, copy.bytes
        if isinstance(recipe, ImageRecipe):
            header = read_idx_header(plain, size, name=path)
            _check_shape(path, header, preprocessor.fitted.inputs[0])
            yield _Images(path, plain, header)
        else:
            _check_text(path, plain)
            # Every row gets a prediction, or the file an error.
            options = recipe.csv.model_copy(update={"on_bad_row": "fail"})
            nulls = isinstance(recipe, TabularRecipe)
            columns = _columns(recipe, path, plain)
            yield _Cells(path, plain, columns, _inputs(recipe), options, nulls)


def _inputs(recipe: TabularRecipe | TextRecipe) -> tuple[str, ...]:
    return recipe.features() if isinstance(recipe, TabularRecipe) else recipe.text.join


def _columns(recipe: TabularRecipe | TextRecipe, path: Path, plain: Path) -> tuple[str, ...]:
    """Return the columns that a file is to have: those of the recipe, but for what it may lack.

    Raises:
        ColumnsError: they are not those that its header names.
    """
    if isinstance(recipe, TabularRecipe):
        columns, targets = tuple(recipe.columns), set(recipe.all_targets())
    else:
        columns = recipe.text.columns
        targets = set() if recipe.target is None else {recipe.target.column}
    first = read_header(plain, recipe.csv, name=path)
    found = () if first is None else first.names
    if recipe.csv.header:
        needed = _inputs(recipe)
        expected = tuple(name for name in columns if name in needed or name in found)
        check_header(plain, expected, recipe.csv, name=path)
        return expected
    without = tuple(name for name in columns if name not in targets)
    return without if len(found) == len(without) else columns


@dataclass(frozen=True, slots=True)
class _Cells:
    """Rows of a CSV file; `path` is its name, `plain` where to read it."""

    path: Path
    plain: Path
    columns: tuple[str, ...]
    wanted: tuple[str, ...]
    options: Csv
    nulls: bool

    def chunks(self) -> Iterator[tuple[CsvChunk, pa.Table]]:
        for chunk in csv_chunks(self.plain, self.options, CHUNK_BYTES, name=self.path):
            table, _ = parse_chunk(
                chunk,
                columns=self.columns,
                wanted=self.wanted,
                options=self.options,
                nulls=self.nulls,
            )
            yield chunk, table

    def place(self, chunk: CsvChunk, row: int) -> str:
        ((line, _),) = lines_of_rows(chunk, [row], self.columns, self.options)
        return f"{self.path}, line {line}"


@dataclass(frozen=True, slots=True)
class _Images:
    """Images of an IDX file."""

    path: Path
    plain: Path
    header: IdxHeader

    def chunks(self) -> Iterator[tuple[int, pa.Table]]:
        rows = max(1, CHUNK_BYTES // self.header.row_bytes)
        for start in range(0, self.header.shape[0], rows):
            stop = min(start + rows, self.header.shape[0])
            yield start, image_table(read_idx_rows(self.plain, self.header, start, stop))

    def place(self, chunk: int, row: int) -> str:
        return f"{self.path}, row {chunk + row}"


def _check_shape(path: Path, header: IdxHeader, field: Field) -> None:
    shape = header.shape[1:]
    stored = (1, *shape) if len(shape) == 2 else shape  # as `kinds.image.clean` has it
    if (stored, header.dtype.name) != (field.shape, field.dtype):
        wanted = field.shape[1:] if len(field.shape) == 3 and field.shape[0] == 1 else field.shape
        raise InputError(
            path,
            expected=f"rows of {field.dtype} {list(wanted)}",
            found=f"rows of {header.dtype.name} {list(shape)}",
            fix="give a file of images like those that the model was trained on",
        )
