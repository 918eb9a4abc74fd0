"""Reads rows of CSV files as columns of strings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from shardmill.format.arrow_arrays import numpy_array
from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks
from shardmill.raw.csv.read_csv import lines_of_rows, parse_chunk
from shardmill.raw.csv.untaken_rows import Where, count_untaken, rows_of
from shardmill.raw.decompress import check_text, open_raw
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import BadPlace, Place, ReadRows, SourceColumns
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
        wheres: The same of all splits that take rows of the file, if those that no split takes are
            to be counted; else none.
    """

    content: RawContent
    options: Csv
    where: Where = field(default_factory=dict)
    wheres: tuple[Where, ...] = ()

    def columns(self) -> tuple[str, ...]:
        """Return the columns that say which rows are meant."""
        return tuple(dict.fromkeys(name for each in (self.where, *self.wheres) for name in each))


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
            CsvFileRows(
                content,
                _options(recipe, file),
                _where(file),
                _wheres(recipe, split, raw, content) if _where(file) else (),
            )
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
        for number in range(len(self.csv_files)):
            yield from self._chunks_of(number, chunk_bytes)

    def rest(self, chunk: CsvFileChunk, chunk_bytes: int) -> Iterator[CsvFileChunk]:
        """Yield the chunks of the same file that come after a chunk, as `chunks` does."""
        for other in self._chunks_of(chunk.file, chunk_bytes):
            if other.rows.start >= chunk.rows.stop:
                yield other

    def _chunks_of(self, number: int, chunk_bytes: int) -> Iterator[CsvFileChunk]:
        file = self.csv_files[number]
        columns, content = self.columns.with_others(file.columns()), file.content
        for chunk in csv_chunks(
            content.readable, file.options, columns, chunk_bytes, name=content.path
        ):
            yield CsvFileChunk(number, chunk)

    def read(self, chunk: CsvFileChunk) -> ReadRows:
        """Return the wanted columns of a chunk.

        Raises:
            InputError: A row could not be parsed, and such rows are not put in quarantine.
        """
        name, file = chunk.rows.name, self.csv_files[chunk.file]
        table, bad = parse_chunk(chunk.rows, self.columns.with_others(file.columns()))
        untaken = count_untaken(table, file.wheres) if file.wheres else {}
        if file.where:
            table = table.filter(rows_of(table, file.where)).select(self.columns.wanted())
        places = [BadPlace(Place(name, "line", row.line, row.text), row.reason) for row in bad]
        return ReadRows(table, places, untaken)

    def places(self, chunk: CsvFileChunk, rows: Sequence[int], column: str) -> list[Place]:  # noqa: ARG002
        """Return the lines of some rows of a chunk's table."""
        where = self.csv_files[chunk.file].where
        if where:
            columns = self.columns.with_others(self.csv_files[chunk.file].columns())
            table, _ = parse_chunk(chunk.rows, columns)
            rows = np.flatnonzero(numpy_array(rows_of(table, where)))[list(rows)].tolist()
        lines = lines_of_rows(chunk.rows, rows)
        return [Place(chunk.rows.name, "line", line, text) for line, text in lines]


def _wheres(
    recipe: AnyRecipe,
    split: Split,
    raw: Mapping[str, tuple[RawContent, ...]],
    content: RawContent,
) -> tuple[Where, ...]:
    """Return the `where` of all splits that take rows of a file, for the first one alone."""
    users = [
        (other, _where(file))
        for other in recipe.source_splits().values()
        for file in other.files()
        if content in raw.get(file.path, ())
    ]
    if users[0][0] is not split or not all(where for _, where in users):
        return ()  # another split counts, or one takes all rows
    return tuple(where for _, where in users)


def _where(file: RawFile) -> Where:
    return (file.where or {}) if isinstance(file, CsvFile) else {}


def _options(recipe: AnyRecipe, file: RawFile | None) -> Csv:
    options = recipe.csv_options(file)
    assert options is not None  # noqa: S101  a recipe with CSV files has them
    return options
