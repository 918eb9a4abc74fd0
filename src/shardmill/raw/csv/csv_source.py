"""Reads rows of CSV files as columns of strings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import numpy_array
from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks
from shardmill.raw.csv.read_csv import lines_of_rows, parse_chunk
from shardmill.raw.decompress import check_text, open_raw
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import BadPlace, Place, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.csv_options import Csv
from shardmill.recipe.splits import CsvFile, RawFile, Split


@dataclass(frozen=True, slots=True)
class CsvFileRows:
    """A CSV file, how it is written, and which of its rows are meant.

    Attributes:
        content: The file.
        options: How it is written.
        where: The values that columns have in the rows that are meant, by column; all rows if it is
            empty.
    """

    content: RawContent
    options: Csv
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CsvFileChunk:
    """A chunk of one of several files.

    Attributes:
        file: The number of the file.
        rows: The chunk.
    """

    file: int
    rows: CsvChunk

    @property
    def bytes(self) -> int:
        """How many bytes the rows take."""
        return self.rows.bytes


@dataclass(frozen=True, slots=True)
class CsvSource:
    """Rows of CSV files.

    Attributes:
        csv_files: The files, in the order of their rows.
        columns: The columns of the files.
    """

    csv_files: tuple[CsvFileRows, ...]
    columns: SourceColumns

    @classmethod
    def of_split(
        cls,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        columns: SourceColumns,
    ) -> "CsvSource":
        """Return the rows of a split that has CSV files of its own."""
        files = tuple(
            CsvFileRows(content, _options(recipe, file), _where(file))
            for file in split.files()
            for content in raw[file.path]
        )
        return cls(files, replace(columns, labelled=split.labelled))

    @classmethod
    def of_file(cls, recipe: AnyRecipe, file: RawContent, columns: SourceColumns) -> "CsvSource":
        """Return the rows of a file to predict.

        The file may lack the targets. With a header it may lack the columns that the recipe drops,
        and have others.

        Raises:
            BinaryFileError: The file is no text.
        """
        options = _options(recipe, None)
        if options.header:
            options = options.model_copy(update={"other_columns": "ignore"})
        with open_raw(file.readable) as content:
            check_text(file.path, content.read(512), options.encoding)
        return cls((CsvFileRows(file, options),), replace(columns, labelled=False))

    def failing(self) -> "CsvSource":
        """Return the same rows, of which the first bad one is an error whatever the recipe says."""
        files = tuple(
            replace(file, options=file.options.model_copy(update={"on_bad_row": "fail"}))
            for file in self.csv_files
        )
        return replace(self, csv_files=files)

    def files(self) -> tuple[RawContent, ...]:
        """Return the CSV files."""
        return tuple(file.content for file in self.csv_files)

    def chunks(self, chunk_bytes: int) -> Iterator[CsvFileChunk]:
        """Yield chunks of about `chunk_bytes` bytes, the files one after another.

        Raises:
            InputError: A file is not what the recipe says.
        """
        for number, file in enumerate(self.csv_files):
            content = file.content
            columns = self.columns.with_others(tuple(file.where))
            for chunk in csv_chunks(
                content.readable, file.options, columns, chunk_bytes, name=content.path
            ):
                yield CsvFileChunk(number, chunk)

    def read(self, chunk: CsvFileChunk) -> tuple[pa.Table, list[BadPlace]]:
        """Return the wanted columns of a chunk, and the rows that could not be parsed.

        Raises:
            InputError: A row could not be parsed, and such rows are not put in quarantine.
        """
        name, where = chunk.rows.name, self.csv_files[chunk.file].where
        table, bad = parse_chunk(chunk.rows, self.columns.with_others(tuple(where)))
        if where:
            table = table.filter(_meant(table, where)).select(self.columns.wanted())
        return table, [BadPlace(Place(name, "line", row.line, row.text), row.reason) for row in bad]

    def places(self, chunk: CsvFileChunk, rows: Sequence[int], column: str) -> list[Place]:  # noqa: ARG002
        """Return the lines of some rows of a chunk's table."""
        where = self.csv_files[chunk.file].where
        if where:
            table, _ = parse_chunk(chunk.rows, self.columns.with_others(tuple(where)))
            rows = np.flatnonzero(numpy_array(_meant(table, where)))[list(rows)].tolist()
        lines = lines_of_rows(chunk.rows, rows)
        return [Place(chunk.rows.name, "line", line, text) for line, text in lines]


def _meant(table: pa.Table, where: Mapping[str, Sequence[str]]) -> pa.Array:
    """Say which rows of a table [n] have the stated values, bool [n]."""
    meant = pa.array(np.ones(len(table), np.bool_))
    for name, values in where.items():
        cells = pc.utf8_trim_whitespace(table.column(name).combine_chunks())
        meant = pc.and_(meant, pc.is_in(cells, value_set=pa.array(values)))
    return meant


def _where(file: RawFile) -> Mapping[str, tuple[str, ...]]:
    return (file.where or {}) if isinstance(file, CsvFile) else {}


def _options(recipe: AnyRecipe, file: RawFile | None) -> Csv:
    options = recipe.csv_options(file)
    assert options is not None  # noqa: S101  a recipe with CSV files has them
    return options
