"""Arrays of numpy build the same artifact as IDX files of the same numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import build

import shardmill
from shardmill.errors import RecipeError
from shardmill.format.manifest import Manifest
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.serve.preprocessor import Preprocessor
from shardmill.serve.raw_batches import raw_batches

RECIPE = """
name = "toy"
kind = "image"
target.classes = {classes}
[splits.train]
images = {images}
labels = {labels}
"""


def recipe(images: str, labels: str, classes: str = '["a", "b", "c"]') -> Any:
    text = RECIPE.format(images=images, labels=labels, classes=classes)
    return parse_recipe(text, where="toy")


def digests(artifact: Path) -> list[str]:
    """The checksums of the shards, which do not depend on the names of raw files."""
    return [r.xxh3_128 for r in Manifest.load(artifact).splits["train"].shards]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (300, 6, 5), np.uint8)
    labels = draw.integers(0, 3, 300).astype(np.uint8)
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "x.idx").write_bytes(encode_idx(images))
    (folder / "y.idx").write_bytes(encode_idx(labels))
    np.save(folder / "x.npy", np.asfortranarray(images))
    np.save(folder / "y.npy", labels.astype(np.int64))
    np.savez(folder / "both.npz", x=images, y=labels, x_new=images[:7])
    np.savez_compressed(folder / "small.npz", x=images, y=labels)
    return folder


@pytest.mark.parametrize("classes", ['["a", "b", "c"]', '"learn"'])
def test_arrays_of_numpy_build_what_idx_files_do(raw: Path, tmp_path: Path, classes: str) -> None:
    idx = recipe('{ path = "x.idx" }', '{ path = "y.idx" }', classes)
    expected = digests(build(idx, raw, tmp_path / "idx"))
    for name, images, labels in (
        ("npy", '{ path = "x.npy" }', '{ path = "y.npy" }'),
        ("npz", '{ path = "both.npz", array = "x" }', '{ path = "both.npz", array = "y" }'),
        ("small", '{ path = "small.npz", array = "x" }', '{ path = "small.npz", array = "y" }'),
    ):
        found = build(recipe(images, labels, classes), raw, tmp_path / name)
        assert digests(found) == expected, name
        assert not list(found.glob(".building*"))


def test_a_second_build_has_nothing_to_do(raw: Path, tmp_path: Path) -> None:
    small = recipe('{ path = "small.npz", array = "x" }', '{ path = "small.npz", array = "y" }')
    sources, options = Sources((small,), raw), BuildOptions(out=tmp_path / "out")
    assert [build_artifacts(sources, options)[0].status for _ in range(2)] == [
        "built",
        "up to date",
    ]
    # The hash is known then, and the copy is made all the same.
    again = BuildOptions(out=tmp_path / "out", force=True)
    assert build_artifacts(sources, again)[0].status == "built"


def test_arrays_of_one_file_in_two_splits_are_not_the_same_rows(raw: Path, tmp_path: Path) -> None:
    both = parse_recipe(
        """
name = "toy"
kind = "image"
splits.train.images = { path = "both.npz", array = "x", rows = 300 }
splits.test.images = { path = "both.npz", array = "x_new", rows = 7 }
splits.train.labelled = false
splits.test.labelled = false
""",
        where="toy",
    )
    outcome = build_artifacts(Sources((both,), raw), BuildOptions(out=tmp_path / "out"))[0]
    assert outcome.rows == {"train": 300, "test": 7}
    assert outcome.notes == ()


def test_numbers_that_idx_has_not(tmp_path: Path) -> None:
    digits = np.random.default_rng(0).random((20, 3, 3)) * 16
    np.savez(tmp_path / "d.npz", data=digits, target=np.arange(20) * 2.5)
    number = parse_recipe(
        """
name = "toy"
kind = "image"
target = {}
[splits.train]
images = { path = "d.npz", array = "data" }
labels = { path = "d.npz", array = "target" }
""",
        where="toy",
    )
    x, y = shardmill.open(build(number, tmp_path, tmp_path / "out"))[:]
    np.testing.assert_array_equal(x.numpy(), digits[:, None])
    assert y.tolist() == (np.arange(20) * 2.5).tolist()


def test_a_model_reads_the_array_that_its_recipe_names(raw: Path, tmp_path: Path) -> None:
    both = recipe('{ path = "both.npz", array = "x" }', '{ path = "both.npz", array = "y" }')
    preprocessor = Preprocessor.load(build(both, raw, tmp_path / "out"))
    expected = np.load(raw / "both.npz")["x"][:, None]
    for name in ("both.npz", "small.npz", "x.npy", "x.idx"):
        (batch,) = raw_batches(preprocessor, raw / name, 1000)
        np.testing.assert_array_equal(batch.numpy(), expected)  # type: ignore[union-attr]


def test_an_array_has_a_name() -> None:
    with pytest.raises(RecipeError, match=r"splits.train.images.array"):
        recipe('{ path = "x.npz", array = "" }', '{ path = "y.npz" }')
    with pytest.raises(RecipeError, match=r"must be one file, without \* or \?"):
        recipe('{ path = "*.npz" }', '{ path = "y.npz" }')
