"""Runs the stages that a build needs, one after the other."""

from collections.abc import Collection
from pathlib import Path

from shardmill.errors import InputError
from shardmill.format.manifest import Manifest
from shardmill.pipeline.builds.build_run import Build
from shardmill.pipeline.builds.generation import new_scratch
from shardmill.pipeline.builds.plan_build import Plan, clean_record, with_copies
from shardmill.pipeline.stages.clean_stage import run_clean
from shardmill.pipeline.stages.given_vocab import given_vocab
from shardmill.pipeline.stages.shard_stage import run_shard


def run_stages(
    plan: Plan, build: Build, *, needed: Collection[str], copies: Path
) -> Manifest | None:
    """Run `clean`, `shard` or both, as far as they are `needed`.

    Args:
        plan: what to build; its artifact is locked.
        build: how.
        needed: the stages to run.
        copies: a folder with plain copies of raw files, and for more of them.

    Returns:
        What readers see now; None if there is nothing to see yet.

    Raises:
        InputError: a raw file is not what the recipe says, or nothing has been cleaned yet.
        OutputError: the artifact cannot be written.
    """
    build.workers.start()
    # First, so that what is wrong with it is told before there is any work.
    given = given_vocab(plan) if "shard" in needed else None
    cleaned, prepared_files = clean_record(plan.artifact, plan.clean_key), None
    folder = new_scratch(plan.artifact, "prepared")
    if "clean" in needed:
        plan = with_copies(plan, copies)
        follows = folder if "shard" in needed else None
        cleaned, prepared_files = run_clean(plan, build, scratch=follows)
    if "shard" not in needed:
        return plan.before
    if cleaned is None:
        raise InputError(
            plan.artifact,
            expected="cleaned rows of these raw files and this recipe",
            found="none",
            fix="run `shardmill clean` first, or `shardmill preprocess`, which runs both",
        )
    return run_shard(
        plan, build, cleaned=cleaned, prepared_files=prepared_files, folder=folder, given=given
    )
