"""Reads rows of CSV files as columns of strings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from shardmill.errors import BinaryFileError
from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks, read_header
from shardmill.raw.csv.read_csv import check_header, lines_of_rows, parse_chunk
from shardmill.raw.plain_file import open_raw
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import BadPlace, Place, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.csv_options import Csv
from shardmill.recipe.splits import Split

# The first bytes of files that are taken for CSV by mistake. No text has these bytes.
_BINARY = {b"\0\0": "an IDX file", b"PK\3\4": "a zip archive or workbook", b"PAR1\x15": "Parquet"}


@dataclass(frozen=True, slots=True)
class CsvSource:
    """Rows of CSV files.

    Attributes:
        contents: The files, in the order of their rows.
        columns: The columns of the files.
        options: How to read the files.
    """

    contents: tuple[RawContent, ...]
    columns: SourceColumns
    options: Csv

    @classmethod
    def of_split(
        cls,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        columns: SourceColumns,
    ) -> "CsvSource":
        """Return the rows of a split that has CSV files of its own."""
        contents = tuple(content for file in split.files() for content in raw[file.path])
        if not split.labelled:
            columns = columns.without(columns.targets)
        return cls(contents, columns, _options(recipe))

    @classmethod
    def of_file(cls, recipe: AnyRecipe, file: RawContent, columns: SourceColumns) -> "CsvSource":
        """Return the rows of a file to predict.

        The file may lack the targets, and with a header the columns that the recipe drops. Every
        row of it gets a prediction, so a bad row is an error whatever the recipe says.

        Raises:
            BinaryFileError: The file is no text.
            ColumnsError: The header does not name the inputs, or names an unknown column.
        """
        _check_text(file)
        options = _options(recipe).model_copy(update={"on_bad_row": "fail"})
        first = read_header(file.readable, options, name=file.path)
        found = () if first is None else first.names
        if options.header:
            needed = columns.inputs
            absent = [name for name in columns.names if name not in needed and name not in found]
            columns = columns.without(absent)
            check_header(file.readable, columns.names, options, name=file.path)
        else:
            without = columns.without(columns.targets)
            if len(found) == len(without.names):
                columns = without
        return cls((file,), replace(columns, targets=()), options)

    def files(self) -> tuple[RawContent, ...]:
        """Return the CSV files."""
        return self.contents

    def chunks(self, chunk_bytes: int) -> Iterator[CsvChunk]:
        """Yield chunks of about `chunk_bytes` bytes, the files one after another.

        Raises:
            InputError: A file is not what the recipe says.
        """
        for file in self.contents:
            if self.options.header:
                check_header(file.readable, self.columns.names, self.options, name=file.path)
            yield from csv_chunks(file.readable, self.options, chunk_bytes, name=file.path)

    def read(self, chunk: CsvChunk) -> tuple[pa.Table, list[BadPlace]]:
        """Return the wanted columns of a chunk, and the rows that could not be parsed.

        Raises:
            InputError: A row could not be parsed, and such rows are not put in quarantine.
        """
        table, bad = parse_chunk(
            chunk,
            columns=self.columns.names,
            wanted=self.columns.wanted(),
            options=self.options,
        )
        return table, [
            BadPlace(Place(chunk.name, "line", row.line, row.text), row.reason) for row in bad
        ]

    def places(self, chunk: CsvChunk, rows: Sequence[int], column: str) -> list[Place]:  # noqa: ARG002
        """Return the lines of some rows of a chunk's table."""
        lines = lines_of_rows(chunk, rows, self.columns.names, self.options)
        return [Place(chunk.name, "line", line, text) for line, text in lines]


def _options(recipe: AnyRecipe) -> Csv:
    options = recipe.csv_options()
    assert options is not None  # noqa: S101  a recipe with CSV files has them
    return options


def _check_text(file: RawContent) -> None:
    with open_raw(file.readable) as content:
        start = content.read(max(map(len, _BINARY)))
    for magic, found in _BINARY.items():
        if start.startswith(magic):
            fix = "give a CSV file of rows like those that the model was trained on"
            raise BinaryFileError(file.path, expected="a text file", found=found, fix=fix)
