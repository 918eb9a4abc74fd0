"""Finds rows of other splits that are in the train split, too."""

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shardmill.format.arrow_arrays import numpy_array, string_array
from shardmill.format.manifest import Manifest, SplitRecord
from shardmill.pipeline.builds.plan_build import Plan
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.store.mounts import here

# So many rows are compared, and so many images, since these are larger. This takes a hundredth of
# the time of a small build.
_ROWS, _IMAGES = 4_096, 1_024
# As many columns of a table tell its rows apart as well as thousands do.
_COLUMNS = 32
# Rows may be equal by chance. Then rows of train are equal to each other as often.
_MORE_THAN_BY_CHANCE = 0.02
_FEWEST = 10


def shared_rows(manifest: Manifest, plan: Plan, known: Collection[str]) -> Iterator[str]:
    """Yield a line for each split of which many rows have the same input as rows of train.

    Splits that are held out of others are not looked at, nor those without targets.

    Args:
        manifest: What was built.
        plan: What it was built from.
        known: Splits whose files are those of train, of which a user is told anyway.
    """
    others = [
        name
        for name, split in plan.recipe.source_splits().items()
        if name not in ("train", *known) and split.labelled and name in manifest.splits
    ]
    if not others:
        return
    train = _rows(plan, manifest.splits["train"])
    counts = numpy_array(train.value_counts().field("counts"))
    by_chance = counts[counts > 1].sum() / max(len(train), 1)
    for name in others:
        rows = _rows(plan, manifest.splits[name])
        shared = pc.sum(pc.is_in(rows, value_set=train)).as_py() or 0
        share = shared / max(len(rows), 1)
        if share > by_chance + _MORE_THAN_BY_CHANCE and shared >= _FEWEST:
            yield (
                f"{shared:,} of the first {len(rows):,} rows of {name} are among the first "
                f"{len(train):,} rows of train"
            )


def _rows(plan: Plan, split: SplitRecord) -> pa.Array:
    """Return the inputs of the first rows of a split, each as one value."""
    columns: tuple[str, ...] = ("image",)
    if isinstance(plan.recipe, TextRecipe):
        columns = tuple(plan.recipe.texts())
    elif isinstance(plan.recipe, TabularRecipe):
        columns = plan.recipe.features()[:_COLUMNS]
    most = _IMAGES if plan.recipe.kind == "image" else _ROWS
    batches = _batches(plan.artifact, split, columns, most)
    first = next(batches, None)
    if first is None:
        return string_array([])
    batch = first if first.num_rows else next(batches, first)
    if len(columns) == 1:
        column = batch.column(0)
        is_files = pa.types.is_struct(column.type)
        return pc.struct_field(column, "bytes") if is_files else column
    texts = [pc.fill_null(column.cast(pa.string()), "\0") for column in batch.columns]
    return pc.binary_join_element_wise(*texts, "\x1f")


def _batches(
    artifact: Path, split: SplitRecord, columns: tuple[str, ...], most: int
) -> Iterator[pa.RecordBatch]:
    for record in split.parquet:
        with pq.ParquetFile(here(artifact / record.path)) as file:
            yield from file.iter_batches(most, columns=list(columns))
