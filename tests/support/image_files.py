"""Folders of small images, and the arrays that are in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.outcome import Outcome
from shardmill.recipe.load_recipe import parse_recipe

RECIPE = """
name = "toy"
kind = "image"
target.classes = "learn"
splits.train.folder.path = "train"
"""


def noise(n: int, *shape: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Images [n, *shape] uint8."""
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def write_images(
    folder: Path, images: npt.NDArray[np.uint8], classes: Sequence[str] = ("cat", "dog", "owl")
) -> None:
    """Write images [n, h, w] or [n, h, w, 3] as PNG files, a third of them into each class.

    Their order in the folder is the order of the array.
    """
    per_class = -(-len(images) // len(classes))
    for number, image in enumerate(images):
        path = folder / classes[number // per_class] / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def build(recipe: str, raw: Path, out: Path, **options: Any) -> Outcome:
    """Build one artifact below `out`."""
    sources = Sources((parse_recipe(recipe, where="toy.toml"),), raw)
    return build_artifacts(sources, BuildOptions(out=out, **options))[0]
