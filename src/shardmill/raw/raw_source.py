"""The raw rows of a split, whatever their kind: cut into chunks, read, and found again.

A source goes to worker processes; a chunk says which of its rows to read there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from shardmill.errors import RowCountError
from shardmill.format.arrow_arrays import arrow_array
from shardmill.kinds.image import image_table
from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks
from shardmill.raw.csv.read_csv import check_header, lines_of_rows, parse_chunk
from shardmill.raw.cut_parts import CHUNK_BYTES
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_idx import IdxHeader, read_idx_header, read_idx_rows
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.tables import Csv, Split
from shardmill.recipe.tabular_recipe import TabularRecipe


class Place(NamedTuple):
    """Where a row stands.

    Attributes:
        file: its raw file.
        unit: what `number` counts: `line` from 1, or `row` from 0.
        number: of its first line, or of the row.
        text: the row as it stands there; None where that is no text.
    """

    file: Path
    unit: str
    number: int
    text: str | None

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.number}"


class BadPlace(NamedTuple):
    """A row that is left out, and why."""

    place: Place
    reason: str


class RawSource(Protocol):
    """The raw rows of one split."""

    def chunks(self) -> Iterator[Any]:
        """Yield its chunks in order."""
        ...

    def files(self) -> tuple[RawContent, ...]:
        """Return the raw files whose rows these are."""
        ...

    def read(self, chunk: Any) -> tuple[pa.Table, list[BadPlace]]:
        """Return the rows of a chunk, and those that could not be parsed."""
        ...

    def places(self, chunk: Any, rows: Sequence[int], column: str) -> list[Place]:
        """Return where cells of `column` in some rows of a chunk's table stand."""
        ...


def raw_source(
    recipe: AnyRecipe, split: Split, raw: Mapping[str, tuple[RawContent, ...]]
) -> RawSource:
    """Return the source of a split that has files of its own.

    Args:
        recipe: of the dataset.
        split: one of its splits.
        raw: the raw files that were found, by their path in the recipe.
    """
    if isinstance(recipe, ImageRecipe):
        return _idx_source(split, raw)
    contents = tuple(content for file in split.files() for content in raw[file.path])
    if isinstance(recipe, TabularRecipe):
        columns, target = tuple(recipe.columns), set(recipe.all_targets())
        used = {*recipe.features(), *target}
    else:
        columns, target = recipe.text.columns, set()
        if recipe.target is not None:
            target = {recipe.target.column}
        used = {*recipe.text.join, *target}
    if not split.labelled:
        columns = tuple(name for name in columns if name not in target)
    wanted = tuple(name for name in columns if name in used)
    return CsvSource(contents, columns, wanted, recipe.csv, nulls=isinstance(recipe, TabularRecipe))


@dataclass(frozen=True, slots=True)
class CsvSource:
    """Rows of CSV files, as columns of strings; see `parse_chunk` for what the fields mean."""

    contents: tuple[RawContent, ...]
    columns: tuple[str, ...]
    wanted: tuple[str, ...]
    options: Csv
    nulls: bool

    def files(self) -> tuple[RawContent, ...]:
        """Return the CSV files."""
        return self.contents

    def chunks(self) -> Iterator[CsvChunk]:
        """Yield chunks of about `CHUNK_BYTES`, the files one after another."""
        for file in self.contents:
            if self.options.header:
                check_header(file.readable, self.columns, self.options, name=file.path)
            yield from csv_chunks(file.readable, self.options, CHUNK_BYTES, name=file.path)

    def read(self, chunk: CsvChunk) -> tuple[pa.Table, list[BadPlace]]:
        """Return the wanted columns of a chunk, and the rows that could not be parsed."""
        table, bad = parse_chunk(
            chunk, columns=self.columns, wanted=self.wanted, options=self.options, nulls=self.nulls
        )
        return table, [
            BadPlace(Place(chunk.name, "line", row.line, row.text), row.reason) for row in bad
        ]

    def places(self, chunk: CsvChunk, rows: Sequence[int], column: str) -> list[Place]:  # noqa: ARG002
        """Return the lines of some rows of a chunk's table."""
        lines = lines_of_rows(chunk, rows, self.columns, self.options)
        return [Place(chunk.name, "line", line, text) for line, text in lines]


@dataclass(frozen=True, slots=True)
class IdxChunk:
    """Rows `[start, stop)` of IDX files."""

    start: int
    stop: int
    bytes: int


@dataclass(frozen=True, slots=True)
class IdxSource:
    """Images of an IDX file and, if there is one, labels of another."""

    images: RawContent
    header: IdxHeader
    labels: RawContent | None = None
    label_header: IdxHeader | None = None

    def files(self) -> tuple[RawContent, ...]:
        """Return the file of images."""
        return (self.images,)

    def chunks(self) -> Iterator[IdxChunk]:
        """Yield chunks of about `CHUNK_BYTES`."""
        rows = max(1, CHUNK_BYTES // self.header.row_bytes)
        for start in range(0, self.header.shape[0], rows):
            stop = min(start + rows, self.header.shape[0])
            yield IdxChunk(start, stop, (stop - start) * self.header.row_bytes)

    def read(self, chunk: IdxChunk) -> tuple[pa.Table, list[BadPlace]]:
        """Return columns `image` and, if there are labels, `label`."""
        images = read_idx_rows(self.images.readable, self.header, chunk.start, chunk.stop)
        columns = {}
        if self.labels is not None and self.label_header is not None:
            labels = read_idx_rows(self.labels.readable, self.label_header, chunk.start, chunk.stop)
            columns["label"] = arrow_array(labels)
        return image_table(images, **columns), []

    def places(self, chunk: IdxChunk, rows: Sequence[int], column: str) -> list[Place]:
        """Return the numbers of some rows of a chunk."""
        labels = self.labels is not None and column == "label"
        file = self.labels.path if labels and self.labels is not None else self.images.path
        return [Place(file, "row", chunk.start + row, None) for row in rows]


def _idx_source(split: Split, raw: Mapping[str, tuple[RawContent, ...]]) -> IdxSource:
    assert split.images is not None  # noqa: S101  the recipe was validated
    (images,) = raw[split.images.path]
    header = read_idx_header(images.readable, images.bytes, name=images.path)
    if split.labels is None:
        return IdxSource(images, header)
    (labels,) = raw[split.labels.path]
    label_header = read_idx_header(labels.readable, labels.bytes, name=labels.path)
    if label_header.shape != header.shape[:1]:
        raise RowCountError(
            labels.path,
            expected=f"one label for each of the {header.shape[0]:,} images of {images.path}",
            found=f"labels of shape {' x '.join(f'{n:,}' for n in label_header.shape)}",
            fix="check that both files belong together",
        )
    return IdxSource(images, header, labels, label_header)
