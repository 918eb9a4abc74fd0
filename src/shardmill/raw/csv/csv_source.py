"""Reads rows of CSV files as columns of strings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks
from shardmill.raw.csv.read_csv import lines_of_rows, parse_chunk
from shardmill.raw.decompress import check_text, open_raw
from shardmill.raw.file_rows import FileRows
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import NOT_SCANNED, BadPlace, Place, ReadRows, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.csv_options import Csv
from shardmill.recipe.splits import RawFile, Split

if TYPE_CHECKING:
    from shardmill.raw.cut_scanned import ScannedFile
    from shardmill.raw.scan_ranges import ScanRule


@dataclass(frozen=True, slots=True)
class CsvFileRows:
    """A CSV file, which of its rows are meant, and how it is written.

    Attributes:
        rows: The file and its rows.
        options: How it is written.
    """

    rows: FileRows
    options: Csv


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
            CsvFileRows(FileRows.of(recipe, split, raw, file, content), _options(recipe, file))
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
        return cls((CsvFileRows(FileRows(file), options),), replace(columns, labelled=False))

    def failing(self) -> "CsvSource":
        """Return the same rows, of which the first bad one is an error whatever the recipe says."""
        files = tuple(
            replace(file, options=file.options.model_copy(update={"on_bad_row": "fail"}))
            for file in self.csv_files
        )
        return replace(self, csv_files=files)

    def files(self) -> tuple[RawContent, ...]:
        """Return the CSV files."""
        return tuple(file.rows.content for file in self.csv_files)

    def scan_rules(self) -> "list[ScanRule]":
        """Return how rows end in each file."""
        from shardmill.raw.scan_ranges import ScanRule  # few files are that large

        return [ScanRule.of_csv(file.options) for file in self.csv_files]

    def chunks(
        self, chunk_bytes: int, scanned: "Mapping[int, ScannedFile]" = NOT_SCANNED
    ) -> Iterator[CsvFileChunk]:
        """Yield chunks of about `chunk_bytes` bytes, the files one after another.

        Args:
            chunk_bytes: The most bytes of a chunk, unless a single row is longer.
            scanned: What is known of some files, by their number.

        Raises:
            InputError: A file is not what the recipe says.
        """
        for number in range(len(self.csv_files)):
            yield from self._chunks_of(number, chunk_bytes, scanned.get(number))

    def rest(self, chunk: CsvFileChunk, chunk_bytes: int) -> Iterator[CsvFileChunk]:
        """Yield the chunks of the same file that come after a chunk, as `chunks` does."""
        for other in self._chunks_of(chunk.file, chunk_bytes):
            if other.rows.start >= chunk.rows.stop:
                yield other

    def _chunks_of(
        self, number: int, chunk_bytes: int, scanned: "ScannedFile | None" = None
    ) -> Iterator[CsvFileChunk]:
        file = self.csv_files[number]
        columns, content = self.columns.with_others(file.rows.columns()), file.rows.content
        path, name = content.readable, content.path
        for chunk in csv_chunks(
            path, file.options, columns, chunk_bytes, name=name, scanned=scanned
        ):
            yield CsvFileChunk(number, chunk)

    def read(self, chunk: CsvFileChunk) -> ReadRows:
        """Return the wanted columns of a chunk.

        Raises:
            InputError: A row could not be parsed, and such rows are not put in quarantine.
        """
        name, file = chunk.rows.name, self.csv_files[chunk.file]
        table, bad = parse_chunk(chunk.rows, self.columns.with_others(file.rows.columns()))
        taken = file.rows.take(table, self.columns.wanted())
        places = [BadPlace(Place(name, "line", row.line, row.text), row.reason) for row in bad]
        return ReadRows(taken.table, places, taken.untaken)

    def places(self, chunk: CsvFileChunk, rows: Sequence[int], column: str) -> list[Place]:  # noqa: ARG002
        """Return the lines of some rows of a chunk's table."""
        file = self.csv_files[chunk.file].rows
        if file.where:
            table, _ = parse_chunk(chunk.rows, self.columns.with_others(file.columns()))
            rows = file.positions(table, rows)
        lines = lines_of_rows(chunk.rows, rows)
        return [Place(chunk.rows.name, "line", line, text) for line, text in lines]


def _options(recipe: AnyRecipe, file: RawFile | None) -> Csv:
    options = recipe.csv_options(file)
    assert options is not None  # noqa: S101  a recipe with CSV files has them
    return options
