"""Reads rows of CSV files as columns of strings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks
from shardmill.raw.csv.read_csv import lines_of_rows, parse_chunk
from shardmill.raw.decompress import check_text, open_raw
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import BadPlace, Place, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.csv_options import Csv
from shardmill.recipe.splits import RawFile, Split


@dataclass(frozen=True, slots=True)
class CsvFileRows:
    """A CSV file, and how it is written."""

    content: RawContent
    options: Csv


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
            CsvFileRows(content, _options(recipe, file))
            for file in split.files()
            for content in raw[file.path]
        )
        return cls(files, replace(columns, labelled=split.labelled))

    @classmethod
    def of_file(cls, recipe: AnyRecipe, file: RawContent, columns: SourceColumns) -> "CsvSource":
        """Return the rows of a file to predict.

        The file may lack the targets, and with a header the columns that the recipe drops. Every
        row of it gets a prediction, so a bad row is an error whatever the recipe says.

        Raises:
            BinaryFileError: The file is no text.
        """
        options = _options(recipe, None).model_copy(update={"on_bad_row": "fail"})
        with open_raw(file.readable) as content:
            check_text(file.path, content.read(512), options.encoding)
        return cls((CsvFileRows(file, options),), replace(columns, labelled=False))

    def files(self) -> tuple[RawContent, ...]:
        """Return the CSV files."""
        return tuple(file.content for file in self.csv_files)

    def chunks(self, chunk_bytes: int) -> Iterator[CsvChunk]:
        """Yield chunks of about `chunk_bytes` bytes, the files one after another.

        Raises:
            InputError: A file is not what the recipe says.
        """
        for file in self.csv_files:
            content = file.content
            yield from csv_chunks(
                content.readable, file.options, self.columns, chunk_bytes, name=content.path
            )

    def read(self, chunk: CsvChunk) -> tuple[pa.Table, list[BadPlace]]:
        """Return the wanted columns of a chunk, and the rows that could not be parsed.

        Raises:
            InputError: A row could not be parsed, and such rows are not put in quarantine.
        """
        table, bad = parse_chunk(chunk, self.columns)
        return table, [
            BadPlace(Place(chunk.name, "line", row.line, row.text), row.reason) for row in bad
        ]

    def places(self, chunk: CsvChunk, rows: Sequence[int], column: str) -> list[Place]:  # noqa: ARG002
        """Return the lines of some rows of a chunk's table."""
        lines = lines_of_rows(chunk, rows)
        return [Place(chunk.name, "line", line, text) for line, text in lines]


def _options(recipe: AnyRecipe, file: RawFile | None) -> Csv:
    options = recipe.csv_options(file)
    assert options is not None  # noqa: S101  a recipe with CSV files has them
    return options
