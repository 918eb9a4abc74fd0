"""Recipes of images: IDX files of arrays and of their labels."""

from typing import Literal

from shardmill.recipe.recipe import Recipe
from shardmill.recipe.targets import ImageTarget


class ImageRecipe(Recipe):
    """IDX files of images, or of any other arrays, and of their labels.

    Attributes:
        target: The classes of the labels; None without labels.
    """

    kind: Literal["image"]
    target: ImageTarget | None = None
