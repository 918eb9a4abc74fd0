"""Warns of raw files that are not the published ones."""

from collections.abc import Iterator, Mapping

from shardmill.format.manifest import RawRecord
from shardmill.pipeline.builds.plan_build import Plan
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import RawFile


def unpublished_notes(plan: Plan, rows: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each raw file that is not the published one.

    Args:
        plan: What was built.
        rows: How many rows each split kept; empty if that is not known.
    """
    records = {record.path: record for record in plan.records}
    for name, split in plan.recipe.source_splits().items():
        found = sum(rows.get(each, 0) for each in (name, *_held_out(plan.recipe, name)))
        for file in {file.path: file for file in split.files()}.values():
            yield from _note(plan, file, found, records)
    of_rows = {file.path for file in plan.recipe.row_files()}
    for file in plan.recipe.files():
        if file.path not in of_rows:
            yield from _note(plan, file, 0, records)


def _held_out(recipe: AnyRecipe, split: str) -> list[str]:
    return [name for name, other in recipe.splits.items() if other.hold_out_of(split)]


def _note(plan: Plan, file: RawFile, found: int, records: Mapping[str, RawRecord]) -> Iterator[str]:
    if file.is_pattern:
        return
    path = plan.raw[file.path][0].path
    record = records[file.path]
    other = file.rows is not None and found and found != file.rows
    counts = f" ({found:,} rows kept, {file.rows:,} in the recipe)" if other else ""
    if record.published is False and not record.sample:
        yield f"{path} is not the published file{counts}; it is used as it is"
    elif record.published is None and other:
        yield f"{path} has another number of rows than the recipe says{counts}"
