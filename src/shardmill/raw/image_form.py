"""What all images of a dataset are brought to, and how."""

from dataclasses import dataclass

from shardmill.recipe.image_recipe import Background, Resize


@dataclass(frozen=True, slots=True)
class ImageForm:
    """What all images of a dataset are brought to: uint8 [channels, height, width].

    Attributes:
        height, width: The size in pixels.
        channels: How many numbers a pixel has: 1 if it is grey, or 3 for red, green and blue.
        resize: What becomes of an image of another size; see `ImageRecipe`. None if it is a fault.
        background: What transparent images are laid on. None if they are a fault.
        may_lose_colour: Whether an image with colours becomes grey. If not, it is a fault.
    """

    height: int
    width: int
    channels: int
    resize: Resize | None = None
    background: Background | None = None
    may_lose_colour: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of an image."""
        return (self.channels, self.height, self.width)

    @property
    def bytes(self) -> int:
        """How many bytes an image takes."""
        return self.channels * self.height * self.width
