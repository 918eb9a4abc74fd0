"""Recipes: TOML files that say what the raw files of a dataset are and how to clean them.

A recipe holds only facts and names no code. Its faults are reported together, each with its path
in the file: first those of keys and values, then those of their combinations. Each kind of recipe
has a module of its own.
"""

from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe

AnyRecipe = TabularRecipe | ImageRecipe | TextRecipe
RECIPE_KINDS: dict[str, type[TabularRecipe] | type[ImageRecipe] | type[TextRecipe]] = {
    "tabular": TabularRecipe,
    "image": ImageRecipe,
    "text": TextRecipe,
}


def text_part(recipe: AnyRecipe) -> TextRecipe | None:
    """Return the recipe of the texts of a row: all of it, or of a table; None without texts."""
    if isinstance(recipe, TabularRecipe):
        return recipe.text_part()
    return recipe if isinstance(recipe, TextRecipe) else None
