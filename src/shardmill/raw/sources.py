"""Which source reads what a recipe names.

A new kind of raw file is one module with a `RowSource` and one line in `_SOURCES`, by the key that
names such files in a split of a recipe.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from shardmill.raw.array_source import ArraySource
from shardmill.raw.csv.csv_source import CsvSource
from shardmill.raw.cut_scanned import ScannedFile
from shardmill.raw.decompress import open_raw
from shardmill.raw.folder_source import FolderSource
from shardmill.raw.name_format import name_format
from shardmill.raw.paths_source import PathsSource
from shardmill.raw.raw_files import COMPRESSED_SUFFIXES, RawContent
from shardmill.raw.row_source import RowSource, SourceColumns
from shardmill.raw.scan_ranges import ScanRule
from shardmill.raw.tables.json_lines_source import JsonLinesSource
from shardmill.raw.tables.table_source import TableSource
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.splits import Split


class SourceFactory(Protocol):
    """What makes sources of one kind of raw file."""

    def of_split(
        self,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        columns: SourceColumns,
    ) -> RowSource:
        """Return the rows of a split that has files of its own."""
        ...

    def of_file(self, recipe: AnyRecipe, file: RawContent, columns: SourceColumns) -> RowSource:
        """Return the rows of a file to predict."""
        ...


_SOURCES: Mapping[str, SourceFactory] = {
    "csv": CsvSource,
    "parquet": TableSource,
    "arrow": TableSource,
    "jsonl": JsonLinesSource,
    "images": ArraySource,
    "folder": FolderSource,
    "paths": PathsSource,
}
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
_ARROW_STARTS = (b"ARROW1", b"\xff\xff\xff\xff")


def split_source(
    recipe: AnyRecipe,
    split: Split,
    raw: Mapping[str, tuple[RawContent, ...]],
    columns: SourceColumns,
) -> RowSource:
    """Return the rows of a split that has files of its own.

    Args:
        recipe: The recipe of the dataset.
        split: One of its splits.
        raw: The raw files that were found, by their path in the recipe.
        columns: What the kind of the recipe says of the columns.

    Raises:
        InputError: A file is not what the recipe says.
    """
    return _SOURCES[_key_of(recipe, split)].of_split(recipe, split, raw, columns)


def file_format(recipe: AnyRecipe, path: Path) -> str:
    """Return the format of a file to predict, by its key in a split of a recipe.

    Rows with columns may come in another format than the recipe's own. The content of a file says
    whether it is Parquet or Arrow, and its name whether it is JSON Lines.

    Args:
        recipe: The recipe that the rows are like.
        path: The file, which may be compressed.

    Raises:
        InputError: The file cannot be read.
    """
    own = _key_of(recipe, next(iter(recipe.source_splits().values())))
    if isinstance(recipe, ImageRecipe):
        return own
    with open_raw(path) as file:
        start = file.read(512)
    if name_format(start) == "Parquet":
        return "parquet"
    if start.startswith(_ARROW_STARTS):
        return "arrow"
    suffixes = [suffix for suffix in path.suffixes if suffix not in COMPRESSED_SUFFIXES]
    by_name = bool(suffixes) and suffixes[-1] in _JSON_SUFFIXES
    by_content = own != "csv" and start.lstrip().startswith(b"{")
    return "jsonl" if by_name or by_content else "csv"


def file_source(
    recipe: AnyRecipe, file: RawContent, columns: SourceColumns, *, form: str
) -> RowSource:
    """Return the rows of a file to predict.

    Args:
        recipe: The recipe that the file is like.
        file: The file.
        columns: What the kind of the recipe says of the columns.
        form: What `file_format` says of the file.

    Raises:
        InputError: The file is not what the recipe says.
    """
    return _SOURCES[form].of_file(recipe, file, columns)


def bytes_of(source: RowSource) -> int:
    """Return how many bytes the chunks of a source have together.

    It is the size of what is read, so that neither compression nor encoding moves the cuts between
    parts. Images in files of their own count as they are when they are decoded.
    """
    if isinstance(source, FolderSource | PathsSource):
        return source.bytes
    return sum(file.readable.stat().st_size for file in source.files())


def chunks_of(
    source: RowSource, chunk_bytes: int, scanned: Mapping[int, ScannedFile]
) -> Iterator[Any]:
    """Yield the chunks of a source, as `RowSource.chunks` does.

    Args:
        source: The source.
        chunk_bytes: About how many bytes a chunk has.
        scanned: What is known of some files, by their number; see `rules_of`.
    """
    if isinstance(source, CsvSource | JsonLinesSource):
        return source.chunks(chunk_bytes, scanned)
    return source.chunks(chunk_bytes)


def rules_of(source: RowSource) -> list[ScanRule]:
    """Return how rows end in each file, if ranges of the files can be scanned; else nothing."""
    return source.scan_rules() if isinstance(source, CsvSource | JsonLinesSource) else []


def _key_of(recipe: AnyRecipe, split: Split) -> str:
    """Return the key of `_SOURCES` for a split that has files of its own."""
    if isinstance(recipe, ImageRecipe) and split.csv is not None:
        return "paths"
    return next(key for key in _SOURCES if getattr(split, key, None) is not None)
