"""Where rows, columns and channels of images are in raw files, and where they are stored."""

import math
from pathlib import Path

import numpy as np
import pytest
from building import build
from fit_rows import fit_rows

from shardmill.errors import ImageShapeError
from shardmill.kinds import image
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw.image_table import image_rows, image_table
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.load_recipe import parse_recipe

RECIPE = """
name = "turned"
kind = "image"
layout = "LAYOUT"
transpose = true
splits.train.images.path = "images"
splits.train.labelled = false
"""


def recipe_of(layout: str) -> ImageRecipe:
    recipe = parse_recipe(RECIPE.replace("LAYOUT", layout), where="here")
    assert isinstance(recipe, ImageRecipe)
    return recipe


@pytest.mark.parametrize(
    ("layout", "raw", "stored"),
    [
        ("chw", (2, 3), (1, 3, 2)),
        ("chw", (4, 2, 3), (4, 3, 2)),
        ("hwc", (2, 3, 4), (4, 3, 2)),
    ],
)
def test_transposed_images(layout: str, raw: tuple[int, ...], stored: tuple[int, ...]) -> None:
    recipe = recipe_of(layout)
    assert recipe.stored_shape(raw) == stored
    assert raw in recipe.raw_shapes(stored)
    rows = np.arange(2 * math.prod(raw), dtype=np.uint8).reshape(2, *raw)
    table = image.clean(recipe, image_table(rows), labelled=False).table
    found = image_rows(table)
    # The pixel in row i and column j of the file is in row j and column i.
    first = np.moveaxis(rows, 3, 1) if layout == "hwc" else rows.reshape(2, -1, *raw[-2:])
    np.testing.assert_array_equal(found, first.transpose(0, 1, 3, 2))
    # Rows to predict go the same way.
    fitted = fit_rows(recipe, [table])
    given = image.clean_given(recipe, fitted, rows).table
    np.testing.assert_array_equal(image_rows(given), found)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("chw", "expected images of height and width, found rows of shape 7; leave transpose out"),
        ("hwc", "expected images of height, width and channels, found rows of shape 7; leave lay"),
    ],
)
def test_rows_that_are_no_images(layout: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(encode_idx(np.zeros((3, 7), "uint8")))
    with pytest.raises(ImageShapeError, match=message):
        build(recipe_of(layout), tmp_path, tmp_path)
