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
        transpose: Whether the images in the files have their columns for rows, as those of EMNIST.
            They are stored the right way round.
        target: What the labels are; None without labels.
    """

    kind: Literal["image"]
    layout: Literal["chw", "hwc"] = "chw"
    transpose: bool = False
    target: ImageTarget | None = None

    def stored_shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a row in `x`, of a row of this shape in a raw file.

        Example:
            >>> ImageRecipe.model_construct(layout="hwc").stored_shape((28, 30, 3))
            (3, 28, 30)
        """
        if len(raw) not in (2, 3):
            return raw
        if len(raw) == 2:
            channels, *size = 1, *raw
        elif self.layout == "hwc":
            *size, channels = raw
        else:
            channels, *size = raw
        return (channels, *(size[::-1] if self.transpose else size))

    def raw_shapes(self, stored: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the shapes that a row of this shape in `x` may have in raw files."""
        if len(stored) != 3:
            return [stored]
        channels, *size = stored
        size = size[::-1] if self.transpose else size
        whole = (*size, channels) if self.layout == "hwc" else (channels, *size)
        return [whole, tuple(size)] if channels == 1 else [whole]

    def takes_rank(self, rank: int) -> bool:
        """Say whether rows of so many dimensions in a raw file can have this layout."""
        if self.layout == "hwc":
            return rank == 3
        return rank in (2, 3) or not self.transpose

    def all_targets(self) -> Mapping[str, ImageTarget]:
        """Return the target, if there is one, by the column that holds it."""
        return {} if self.target is None else {"label": self.target}
