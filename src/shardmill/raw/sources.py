"""Which source reads what a recipe names.

A new kind of raw file is one module with a `RowSource` and one line in `_SOURCES`, by the key that
names such files in a split of a recipe. The module is imported only when there are such files.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from shardmill.raw.decompress import open_raw
from shardmill.raw.entry_names import COMPRESSED_SUFFIXES
from shardmill.raw.name_format import name_format
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import MeasuredSource, RowSource, ScannableSource, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.splits import Split
from shardmill.store.mounts import here

if TYPE_CHECKING:
    from shardmill.raw.array_source import ArraySource
    from shardmill.raw.csv.csv_source import CsvSource
    from shardmill.raw.cut_scanned import ScannedFile
    from shardmill.raw.folder_source import FolderSource
    from shardmill.raw.paths_source import PathsSource
    from shardmill.raw.scan_ranges import ScanRule
    from shardmill.raw.tables.json_lines_source import JsonLinesSource
    from shardmill.raw.tables.table_source import TableSource


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


_SOURCES: Mapping[str, tuple[str, str]] = {
    "csv": ("csv.csv_source", "CsvSource"),
    "parquet": ("tables.table_source", "TableSource"),
    "arrow": ("tables.table_source", "TableSource"),
    "jsonl": ("tables.json_lines_source", "JsonLinesSource"),
    "images": ("array_source", "ArraySource"),
    "folder": ("folder_source", "FolderSource"),
    "paths": ("paths_source", "PathsSource"),
}
if TYPE_CHECKING:
    # Sources are imported by name below, where no type checker sees what they are. Here one does.
    _CLASSES: tuple[SourceFactory, ...] = (
        CsvSource,
        TableSource,
        JsonLinesSource,
        ArraySource,
        FolderSource,
        PathsSource,
    )
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
    return _source_of(split_key(recipe, split)).of_split(recipe, split, raw, columns)


def import_sources(recipe: AnyRecipe) -> None:
    """Import what reads the splits of a recipe. Otherwise it is imported when the first is read."""
    for split in recipe.source_splits().values():
        _source_of(split_key(recipe, split))


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
    own = split_key(recipe, next(iter(recipe.source_splits().values())))
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
    return _source_of(form).of_file(recipe, file, columns)


def bytes_of(source: RowSource) -> int:
    """Return how many bytes the chunks of a source have together.

    It is the size of what is read, so that neither compression nor encoding moves the cuts between
    parts. Images in files of their own count as they are when they are decoded.
    """
    if isinstance(source, MeasuredSource):
        return source.bytes
    return sum(here(file.readable).stat().st_size for file in source.files())


def chunks_of(
    source: RowSource, chunk_bytes: int, scanned: "Mapping[int, ScannedFile]"
) -> Iterator[Any]:
    """Yield the chunks of a source, as `RowSource.chunks` does.

    Args:
        source: The source.
        chunk_bytes: About how many bytes a chunk has.
        scanned: What is known of some files, by their number; see `rules_of`.
    """
    if isinstance(source, ScannableSource):
        return source.chunks(chunk_bytes, scanned)
    return source.chunks(chunk_bytes)


def rules_of(source: RowSource) -> "list[ScanRule]":
    """Return how rows end in each file, if ranges of the files can be scanned; else nothing."""
    return source.scan_rules() if isinstance(source, ScannableSource) else []


def split_key(recipe: AnyRecipe, split: Split) -> str:
    """Return the key that names what reads a split that has files of its own, such as `csv`."""
    if isinstance(recipe, ImageRecipe) and split.csv is not None:
        return "paths"
    return next(key for key in _SOURCES if getattr(split, key, None) is not None)


def _source_of(key: str) -> SourceFactory:
    module, name = _SOURCES[key]
    return cast("SourceFactory", getattr(import_module(f"shardmill.raw.{module}"), name))
