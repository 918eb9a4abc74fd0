"""Recipes of images: IDX files of arrays and of their labels."""

from collections.abc import Mapping
from typing import Literal

from shardmill.recipe.recipe import Recipe
from shardmill.recipe.targets import ImageTarget


class ImageRecipe(Recipe):
    """IDX files of images, or of any other arrays, and of their labels.

    Attributes:
        layout: Where the channels of an image are in the files: "chw" if they come first, as
            torch wants them, or "hwc" if they come last. They are stored first.
        target: What the labels are; None without labels.
    """

    kind: Literal["image"]
    layout: Literal["chw", "hwc"] = "chw"
    target: ImageTarget | None = None

    def all_targets(self) -> Mapping[str, ImageTarget]:
        """Return the target, if there is one, by the column that holds it."""
        return {} if self.target is None else {"label": self.target}
