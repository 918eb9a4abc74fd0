"""The raw rows of a split, and the parts that they are cleaned in."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from shardmill.kinds.find_kind import find_kind
from shardmill.raw.cut_parts import Part, cut_parts
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import NOT_SCANNED, RowSource
from shardmill.raw.sources import bytes_of, chunks_of, split_source
from shardmill.raw.work_sizes import WorkSizes
from shardmill.recipe.any_recipe import AnyRecipe

if TYPE_CHECKING:
    from shardmill.raw.cut_scanned import ScannedFile


def source_to_clean(
    recipe: AnyRecipe, split: str, raw: Mapping[str, tuple[RawContent, ...]]
) -> RowSource:
    """Return the rows of a split with all columns that cleaning and hold-outs need.

    Args:
        recipe: The recipe of the dataset.
        split: A split that has files of its own.
        raw: The raw files, by their path in the recipe.

    Raises:
        InputError: A file is not what the recipe says.
    """
    columns = find_kind(recipe).source_columns(recipe)
    columns = columns.with_others(recipe.group_columns(split))
    return split_source(recipe, recipe.splits[split], raw, columns)


def parts_of(
    source: RowSource, sizes: WorkSizes, scanned: "Mapping[int, ScannedFile]" = NOT_SCANNED
) -> Iterator[Part]:
    """Yield the parts of a split, which depend on its files and the sizes alone.

    Args:
        source: The raw rows of the split.
        sizes: The sizes of chunks and parts.
        scanned: What is known of some files, by their number; see `scan_large_files`.
    """
    part_bytes = sizes.part_bytes(bytes_of(source))
    return cut_parts(chunks_of(source, sizes.chunk_bytes, scanned), part_bytes=part_bytes)
