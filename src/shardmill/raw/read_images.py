"""Reads images in files of their own as one column of a table."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from shardmill.raw.decode_image import ImageFault, decode_image, form_of, pillow
from shardmill.raw.image_form import ImageForm
from shardmill.raw.image_table import FAULTS, image_table
from shardmill.recipe.image_recipe import ImageRecipe

_FAULT_TYPE = pa.struct([(name, pa.string()) for name in ("expected", "found", "fix")])


def read_images(
    files: Sequence[Path | ImageFault],
    form: ImageForm,
    *,
    names: Sequence[str] = (),
    **columns: pa.Array,
) -> pa.Table:
    """Return images [n, channels, height, width] as a table.

    Args:
        files: The files. An image of which it is known already what is wrong is not read.
        form: What the images are brought to.
        names: What to call the images in faults, if their place does not say it.
        columns: Other columns [n], which follow.

    Returns:
        The columns `image`, the others, and `fault`, which is null for an image that was read. An
        image with a fault is black.

    Raises:
        MissingLibraryError: Pillow is not installed.
    """
    images = np.empty((len(files), *form.shape), np.uint8)
    faults: list[dict[str, str] | None] = [None] * len(files)
    pillow()
    with _quiet():
        for row, file in enumerate(files):
            try:
                if isinstance(file, ImageFault):
                    raise file
                images[row] = decode_image(file, form)
            except ImageFault as fault:
                images[row] = 0
                found = f"{fault.found}, in {names[row]}" if names else fault.found
                facts = {"expected": fault.expected, "found": found, "fix": fault.fix}
                faults[row] = facts
    said = pa.array(faults, _FAULT_TYPE) if any(faults) else pa.nulls(len(files), _FAULT_TYPE)
    return image_table(images, **columns, **{FAULTS: said})


def settle_form(recipe: ImageRecipe, files: Iterator[Path]) -> ImageForm:
    """Return what the images of a recipe are brought to.

    What the recipe leaves open is as in the first image that can be read.

    Args:
        recipe: The recipe.
        files: The images of the train split, in order.

    Raises:
        ImageFault: None of them can be read; it is the fault of the first one.
        MissingLibraryError: Pillow is not installed.
    """
    size, channels = recipe.size, {"grey": 1, "rgb": 3, None: None}[recipe.channels]
    if size is None or channels is None:
        found = _first_form(files)
        channels, *own = (channels or found[0], *found[1:])
        size = size or (own[0], own[1])
    return ImageForm(
        size[0],
        size[1],
        channels,
        recipe.resize,
        recipe.background,
        may_lose_colour=recipe.channels == "grey",
    )


def form_to_predict(recipe: ImageRecipe, shape: tuple[int, ...]) -> ImageForm:
    """Return what images are brought to for a model that takes rows of this shape.

    Raises:
        ValueError: Images have another shape.
    """
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise ValueError(f"images are not {list(shape)}")
    channels, height, width = shape
    return ImageForm(
        height,
        width,
        channels,
        recipe.resize,
        recipe.background,
        may_lose_colour=recipe.channels == "grey",
    )


def _first_form(files: Iterator[Path]) -> tuple[int, int, int]:
    first: ImageFault | None = None
    with _quiet():
        for file in files:
            try:
                return form_of(file)
            except ImageFault as fault:
                first = first or fault
    raise first or ImageFault("an image", "none", "check the path")


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Pillow say nothing of what it reads all the same, such as metadata with an odd length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
