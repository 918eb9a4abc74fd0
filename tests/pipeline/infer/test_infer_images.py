"""Recipes that are made for folders of images and for arrays."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import build
from PIL import Image

import shardmill
from shardmill.errors import UnclearFilesError
from shardmill.pipeline.infer.infer_recipe import infer_recipe
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe


def facts(path: Path, out: Path) -> tuple[dict[str, Any], Path]:
    """Return the recipe for a path without its name, and what it builds."""
    inferred = infer_recipe(sorted(path.iterdir()) if path.name == "files" else [path], name="t")
    recipe = parse_recipe(inferred.text, where="t")
    return tomllib.loads(inferred.text), build(recipe, inferred.raw, out)


def write_images(folder: Path, sizes: list[tuple[int, int]], mode: str = "L") -> None:
    for number, size in enumerate(sizes):
        path = folder / "ab"[number % 2] / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size).save(path)


def test_a_folder_of_class_folders(tmp_path: Path) -> None:
    write_images(tmp_path / "flowers", [(9, 8)] * 40)
    found, artifact = facts(tmp_path / "flowers", tmp_path / "out")
    assert found["channels"] == "grey"
    assert found["target"] == {"classes": ["a", "b"]}
    assert found["splits"]["train"] == {"folder": {"path": "flowers"}}
    assert "size" not in found
    assert shardmill.open(artifact)[:1][0].shape == (1, 1, 8, 9)
    assert len(shardmill.open(artifact, split="test")) == 4


def test_folders_of_splits_with_images_of_several_sizes(tmp_path: Path) -> None:
    write_images(tmp_path / "flowers" / "train", [(9, 8), (20, 30), (10, 10)], "RGB")
    write_images(tmp_path / "flowers" / "valid", [(12, 12), (9, 9)], "RGBA")
    found, artifact = facts(tmp_path / "flowers", tmp_path / "out")
    assert found["size"] == [10, 10]
    assert (found["resize"], found["channels"], found["background"]) == ("crop", "rgb", "white")
    assert found["splits"] == {
        "train": {"folder": {"path": "flowers/train"}},
        "validation": {"folder": {"path": "flowers/valid"}},
    }
    assert shardmill.open(artifact)[:1][0].shape == (1, 3, 10, 10)


def test_idx_files_by_their_names_and_heads(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    rng = np.random.default_rng(0)
    for split, rows in (("train", 40), ("t10k", 9)):
        images, labels = rng.integers(0, 9, (rows, 4, 5)), np.arange(rows) % 3
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = tmp_path / "files" / f"{split}-{name}-ubyte"
            path.write_bytes(encode_idx(array.astype(np.uint8)))
    found, artifact = facts(tmp_path / "files", tmp_path / "out")
    assert found["splits"]["test"]["labels"] == {"path": "t10k-labels-idx1-ubyte"}
    assert set(found["splits"]) == {"train", "test", "validation"}
    assert shardmill.open(artifact).classes == ("0", "1", "2")


def test_arrays_of_one_npz(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"x_train": rng.random((40, 7)), "y_train": rng.random(40)}
    arrays |= {"x_test": rng.random((5, 7)), "y_test": rng.random(5)}
    np.savez_compressed(tmp_path / "t.npz", **arrays)  # type: ignore[arg-type]
    found, artifact = facts(tmp_path / "t.npz", tmp_path / "out")
    assert found["target"] == {}
    assert found["splits"]["test"]["images"] == {"path": "t.npz", "array": "x_test"}
    x, y = shardmill.open(artifact, split="test")[:]
    np.testing.assert_array_equal(x, arrays["x_test"])
    np.testing.assert_array_equal(y, arrays["y_test"].astype(np.float32))


def test_what_no_recipe_is_made_for(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", a=np.zeros((3, 4)), b=np.zeros((3, 5)))
    with pytest.raises(UnclearFilesError, match=r"an array of images and at most one of labels"):
        infer_recipe([tmp_path / "t.npz"])
    np.savez(tmp_path / "u.npz", x=np.zeros((3, 4)), y=np.zeros(4))
    with pytest.raises(UnclearFilesError, match=r"a label for each image"):
        infer_recipe([tmp_path / "u.npz"])
    (tmp_path / "none").mkdir()
    with pytest.raises(UnclearFilesError, match=r"found no image"):
        infer_recipe([tmp_path / "none"])
    write_images(tmp_path / "flat", [(3, 3)])
    (tmp_path / "flat" / "a" / "000.png").rename(tmp_path / "flat" / "0.png")
    with pytest.raises(UnclearFilesError, match=r"found images beside each other"):
        infer_recipe([tmp_path / "flat"])
    with pytest.raises(UnclearFilesError, match=r"leave --target out"):
        infer_recipe([tmp_path / "u.npz"], target="y")
