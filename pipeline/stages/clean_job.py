"""What is the same for all parts of a split that are cleaned."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shardmill.pipeline.builds.generation import Generation
from shardmill.pipeline.builds.ticks import Ticks
from shardmill.raw.row_source import RowSource
from shardmill.raw.work_sizes import DEFAULT_SIZES, WorkSizes
from shardmill.recipe.any_recipe import AnyRecipe


@dataclass(frozen=True, slots=True)
class CleanJob:
    """What is the same for all parts of a split.

    Attributes:
        recipe: The recipe of the dataset.
        split: The name of a split that has files of its own.
        source: The raw rows of the split.
        generation: The generation to write into.
        scratch: The folder for prepared rows, which the shard stage encodes; None if that stage
            does not follow at once.
        raw_paths: The name of each raw file in the lists of rows that were left out.
        sizes: The sizes of the pieces of the build.
        ticks: Where each chunk that is done is counted; None if nobody wants to know.
    """

    recipe: AnyRecipe
    split: str
    source: RowSource
    generation: Generation
    scratch: Path | None
    raw_paths: Mapping[Path, str]
    sizes: WorkSizes = DEFAULT_SIZES
    ticks: Ticks | None = None
