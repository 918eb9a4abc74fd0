"""Images in files of their own become the rows that a build makes of them."""

from pathlib import Path

import numpy as np
import pytest
from image_files import RECIPE, build, noise, write_images
from PIL import Image

import shardmill
from shardmill.errors import GivenRowError, ImageFileError, ImageShapeError
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw.row_source import BadPlace
from shardmill.serve.preprocessor import Preprocessor
from shardmill.serve.raw_batches import batches_of_file, raw_batches

SIZED = 'size = [6, 5]\nresize = "crop"\nchannels = "grey"\n' + RECIPE
ARRAYS = """
name = "toy"
kind = "image"
splits.train.images.path = "x"
splits.train.labelled = false
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_images(tmp_path / "raw/train", noise(9, 8, 9, 3))
    return tmp_path / "raw"


@pytest.fixture
def artifact(raw: Path, tmp_path: Path) -> Path:
    return build(SIZED, raw, tmp_path / "out").artifact


def test_a_folder_and_its_files(raw: Path, artifact: Path) -> None:
    expected = shardmill.open(artifact)[:][0]
    preprocessor = Preprocessor.load(artifact)
    batches = list(raw_batches(preprocessor, raw / "train", 4))
    assert [len(batch) for batch in batches] == [4, 4, 1]
    np.testing.assert_array_equal(np.concatenate(batches), expected)  # type: ignore[arg-type]
    (one,) = raw_batches(preprocessor, raw / "train/dog/0003.png", 4)
    np.testing.assert_array_equal(one, expected[3:4])


def test_their_paths_go_along(raw: Path, artifact: Path) -> None:
    preprocessor = Preprocessor.load(artifact)
    (batch,) = batches_of_file(preprocessor, raw / "train/dog", 9, keep=("file",))
    assert batch.kept.to_pydict() == {"file": ["0003.png", "0004.png", "0005.png"]}


def test_images_of_pillow(raw: Path, artifact: Path) -> None:
    expected = shardmill.open(artifact)[:][0]
    preprocessor = Preprocessor.load(artifact)
    images = [Image.open(path) for path in sorted((raw / "train").rglob("*.png"))]
    np.testing.assert_array_equal(preprocessor(images), expected)
    with pytest.raises(GivenRowError, match="row 1: expected an image without transparent"):
        preprocessor([images[0], Image.new("RGBA", (9, 8))])


def test_a_broken_image_is_left_out(raw: Path, artifact: Path) -> None:
    (raw / "train/dog/0004.png").write_bytes(b"?")
    preprocessor = Preprocessor.load(artifact)
    with pytest.raises(ImageFileError, match=r"dog/0004.png: expected a whole image"):
        list(raw_batches(preprocessor, raw / "train", 9))
    bad: list[BadPlace] = []
    (batch,) = batches_of_file(preprocessor, raw / "train", 9, on_bad=bad.append)
    assert batch.rows.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert [str(each.place) for each in bad] == [str(raw / "train/dog/0004.png")]


def test_a_model_of_arrays_takes_images_of_its_size(raw: Path, tmp_path: Path) -> None:
    images = noise(3, 4, 5)
    (raw / "x").write_bytes(encode_idx(images))
    preprocessor = Preprocessor.load(build(ARRAYS, raw, tmp_path / "arrays").artifact)
    write_images(tmp_path / "new", images)
    (batch,) = raw_batches(preprocessor, tmp_path / "new", 9)
    np.testing.assert_array_equal(batch, images[:, None])
    with pytest.raises(ImageFileError, match="expected a grey image"):
        list(raw_batches(preprocessor, raw / "train/dog/0003.png", 9))


def test_a_model_of_other_arrays_takes_no_images(raw: Path, tmp_path: Path) -> None:
    (raw / "x").write_bytes(encode_idx(np.zeros((3, 4, 5), np.float32)))
    preprocessor = Preprocessor.load(build(ARRAYS, raw, tmp_path / "arrays").artifact)
    with pytest.raises(ImageShapeError, match=r"expected arrays of float32 \[1, 4, 5\]"):
        list(raw_batches(preprocessor, raw / "train/dog/0003.png", 9))
    with pytest.raises(GivenRowError, match="found an image"):
        preprocessor([Image.new("L", (5, 4))])


def test_a_model_of_images_takes_arrays(raw: Path, artifact: Path, tmp_path: Path) -> None:
    images = noise(3, 6, 5)
    np.save(tmp_path / "x.npy", images)
    (batch,) = raw_batches(Preprocessor.load(artifact), tmp_path / "x.npy", 9)
    np.testing.assert_array_equal(batch, images[:, None])


def test_an_empty_folder(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(ImageFileError, match="expected a folder of images, found none in it"):
        list(raw_batches(Preprocessor.load(artifact), tmp_path / "new", 9))


@pytest.mark.parametrize("key", ['layout = "hwc"', "transpose = true"])
def test_images_are_upright_whatever_the_arrays_are(raw: Path, tmp_path: Path, key: str) -> None:
    images = noise(3, 4, 5, 3)
    stored = images if "hwc" in key else images.transpose(0, 3, 2, 1)
    (raw / "x").write_bytes(encode_idx(np.ascontiguousarray(stored)))
    recipe = ARRAYS.replace('kind = "image"', f'kind = "image"\n{key}')
    artifact = build(recipe, raw, tmp_path / "arrays").artifact
    expected = images.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(shardmill.open(artifact)[:], expected)
    write_images(tmp_path / "new", images)
    preprocessor = Preprocessor.load(artifact)
    (batch,) = raw_batches(preprocessor, tmp_path / "new", 9)
    np.testing.assert_array_equal(batch, expected)
    given = [Image.fromarray(image) for image in images]
    np.testing.assert_array_equal(preprocessor(given), expected)
