"""Fixtures that several tests of this folder share."""

from pathlib import Path

import numpy as np
import pytest
from building import build
from transfers import LETTERS

from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Return an artifact of images of three classes, of another size than MNIST's."""
    chance = np.random.default_rng(0)
    labels = np.arange(90, dtype=np.uint8) % 3
    images = chance.integers(0, 80, (90, 20, 12), dtype=np.uint8)
    for row, label in enumerate(labels):
        images[row, 6 * label : 6 * label + 6] += 150
    (tmp_path / "images").write_bytes(encode_idx(images))
    (tmp_path / "labels").write_bytes(encode_idx(labels))
    return build(parse_recipe(LETTERS, where="test"), tmp_path, tmp_path)
