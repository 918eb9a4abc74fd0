"""Finds the module of a kind of dataset."""

from importlib import import_module
from types import ModuleType

from shardmill.recipe import AnyRecipe


def find_kind(recipe: AnyRecipe) -> ModuleType:
    """Return the module of `shardmill.kinds` for a recipe.

    Imported only now: a text needs no pandas, which takes longer to import than many a build.
    """
    return import_module(f"shardmill.kinds.{recipe.kind}")
