"""Which source reads what a recipe names.

A new kind of raw file is one module with a `RowSource` and one line in `_SOURCES`, by the key that
names such files in a split of a recipe.
"""

from collections.abc import Mapping
from typing import Protocol

from shardmill.raw.csv.csv_source import CsvSource
from shardmill.raw.idx_source import IdxSource
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import RowSource, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
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


_SOURCES: Mapping[str, SourceFactory] = {"csv": CsvSource, "images": IdxSource}


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
    return _factory(split).of_split(recipe, split, raw, columns)


def file_source(recipe: AnyRecipe, file: RawContent, columns: SourceColumns) -> RowSource:
    """Return the rows of a file to predict, which is like those of the recipe's train split.

    Args:
        recipe: The recipe that the file is like.
        file: The file.
        columns: What the kind of the recipe says of the columns.

    Raises:
        InputError: The file is not what the recipe says.
    """
    first = next(iter(recipe.source_splits().values()))
    return _factory(first).of_file(recipe, file, columns)


def _factory(split: Split) -> SourceFactory:
    return next(s for key, s in _SOURCES.items() if getattr(split, key) is not None)
