"""Runs the stages that a build needs, one after the other."""

from collections.abc import Collection
from pathlib import Path

from shardmill.errors import NotCleanedError
from shardmill.format.manifest import Manifest
from shardmill.kinds.row import Fitted
from shardmill.pipeline.builds.build_run import BuildRun
from shardmill.pipeline.builds.generation import new_scratch
from shardmill.pipeline.builds.plan_build import Plan, clean_record, with_copies
from shardmill.pipeline.stages.clean_stage import run_clean
from shardmill.pipeline.stages.shard_stage import run_shard
from shardmill.recipe.text_recipe import TextRecipe


def run_stages(
    plan: Plan, build: BuildRun, *, needed: Collection[str], copies: Path
) -> Manifest | None:
    """Run the stages `clean` and `shard` as far as they are needed.

    Args:
        plan: What to build. The caller holds the lock of the artifact.
        build: The run that this is part of.
        needed: The names of the stages to run.
        copies: The folder of plain copies of raw files. More copies may be added to it.

    Returns:
        The manifest that readers see now; None if there is nothing to see yet.

    Raises:
        InputError: A raw file is not what the recipe says.
        NotCleanedError: Only `shard` is to run, and nothing has been cleaned yet.
        OutputError: The artifact cannot be written.
    """
    build.engine.start()
    # The vocabulary comes first, so that a fault in it is reported before any work is done.
    fitted = _existing_vocab(plan) if "shard" in needed else None
    cleaned, prepared_splits = clean_record(plan), None
    folder = new_scratch(plan.artifact, "prepared", plan.shard_generation)
    if "clean" in needed:
        plan = with_copies(plan, copies)
        follows = folder if "shard" in needed else None
        cleaned, prepared_splits = run_clean(plan, build, scratch=follows)
    if "shard" not in needed:
        return plan.before
    if cleaned is None:
        raise NotCleanedError(
            plan.artifact,
            expected="cleaned rows of these raw files and this recipe",
            found="none",
            fix="run `shardmill clean` first, or `shardmill preprocess`, which runs both",
        )
    if "clean" not in needed and plan.remote is not None:
        plan.remote.bring(file for split in cleaned.splits.values() for file in split.parquet)
    return run_shard(
        plan, build, cleaned=cleaned, prepared_splits=prepared_splits, folder=folder, fitted=fitted
    )


def _existing_vocab(plan: Plan) -> Fitted | None:
    """Return what is known without the train rows; None if they teach all that is learnt."""
    if not isinstance(plan.recipe, TextRecipe):
        return None
    # Only texts have vocabularies of others, and what reads these takes long to import.
    from shardmill.pipeline.stages.existing_vocab import existing_vocab

    return existing_vocab(plan.recipe, plan)
