"""Builds an artifact for a test."""

from pathlib import Path

from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.recipe.any_recipe import AnyRecipe


def build(recipe: AnyRecipe, raw: Path, out: Path, rows_per_shard: int | None = None) -> Path:
    """Build one artifact below `out` and return its folder."""
    options = BuildOptions(out=out, rows_per_shard=rows_per_shard)
    return build_artifacts(Sources((recipe,), raw), options)[0].artifact
