"""Imports what the stages of a build need, before they need it."""

from importlib import import_module

from shardmill.recipe.any_recipe import AnyRecipe


def import_stages(recipe: AnyRecipe) -> None:
    """Import the stages, the kind of a recipe, and what reads the raw files of its splits.

    This takes some tenths of a second, as long as seeing that there is nothing to do. So nothing
    here is imported together with this module.
    """
    import_module("shardmill.pipeline.builds.run_stages")
    from shardmill.kinds.find_kind import find_kind
    from shardmill.raw.sources import import_sources

    find_kind(recipe)
    import_sources(recipe)
