"""A folder of images builds what arrays of the same pixels do, and names each file at fault."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from image_files import RECIPE, build, noise, write_images
from PIL import Image
from small_parts import contents

import shardmill
from shardmill.errors import (
    ImageFileError,
    MissingRawFileError,
    RecipeError,
    TooManyBadRowsError,
    UnknownClassError,
)
from shardmill.format.manifest import Manifest
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw.work_sizes import WorkSizes

IDX = """
name = "toy"
kind = "image"
layout = "hwc"
target.classes = ["cat", "dog", "owl"]
splits.train.images.path = "x"
splits.train.labels.path = "y"
"""
SMALL = WorkSizes(chunk_bytes=2_000, smallest_part_bytes=4_000)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_images(tmp_path / "raw/train", noise(30, 8, 9, 3))
    return tmp_path / "raw"


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(n=st.integers(1, 40), seed=st.integers(0, 2**32), stated=st.booleans())
def test_a_folder_gives_the_tensors_of_arrays(
    tmp_path_factory: pytest.TempPathFactory, n: int, seed: int, stated: bool
) -> None:
    raw = tmp_path_factory.mktemp("raw")
    images = noise(n, 5, 4, 3, seed=seed)
    labels = np.arange(n) // -(-n // 3)
    write_images(raw / "train", images)
    (raw / "x").write_bytes(encode_idx(images))
    (raw / "y").write_bytes(encode_idx(labels.astype(np.uint8)))
    recipe = RECIPE.replace('"learn"', '["cat", "dog", "owl"]') if stated else RECIPE
    folder = build(recipe, raw, raw / "folder").artifact
    arrays = build(IDX, raw, raw / "arrays").artifact
    shards = [Manifest.load(a).splits["train"].shards for a in (folder, arrays)]
    assert [s.xxh3_128 for s in shards[0]] == [s.xxh3_128 for s in shards[1]]
    x, y = shardmill.open(folder)[:]
    np.testing.assert_array_equal(x.numpy(), images.transpose(0, 3, 1, 2))
    assert y.tolist() == labels.tolist()


def test_any_number_of_workers_gives_the_same_bytes(raw: Path, tmp_path: Path) -> None:
    held_out = RECIPE + 'splits.validation.hold_out = { split = "train", fraction = 0.2 }\n'
    artifacts = [
        build(held_out, raw, tmp_path / str(workers), workers=workers, sizes=SMALL).artifact
        for workers in (1, 2)
    ]
    files = [contents(artifact) for artifact in artifacts]
    assert files[0] == files[1]
    assert len(Manifest.load(artifacts[0]).splits["train"].parquet) > 1
    verify_artifact(artifacts[0])


def test_rows_are_sorted_by_folder_and_name(tmp_path: Path) -> None:
    paths = [
        "b/1.png",
        "b/10.png",
        "b/2.png",
        "b/x/0.png",
        "b c/0.png",
        "a/Z.PNG",
        "a/a.png",
        "é/1.png",
    ]
    for number, path in enumerate(paths):
        (tmp_path / "raw/train" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (1, 1), number).save(tmp_path / "raw/train" / path)
    toy = build(RECIPE, tmp_path / "raw", tmp_path / "out").artifact
    dataset = shardmill.open(toy)
    x, y = dataset[:]
    assert [paths[n] for n in x.flatten().tolist()] == [
        "a/Z.PNG", "a/a.png", "b/1.png", "b/10.png", "b/2.png", "b/x/0.png", "b c/0.png", "é/1.png"
    ]  # fmt: skip
    assert dataset.classes == ("a", "b", "b c", "é")
    assert y.tolist() == [0, 0, 1, 1, 1, 1, 2, 3]


def test_learnt_classes_that_are_numbers_are_sorted_by_them(tmp_path: Path) -> None:
    write_images(tmp_path / "raw/train", noise(6, 2, 2), classes=("10", "9"))
    dataset = shardmill.open(build(RECIPE, tmp_path / "raw", tmp_path / "out").artifact)
    assert dataset.classes == ("9", "10")
    assert dataset[:][1].tolist() == [1, 1, 1, 0, 0, 0]


def test_without_a_target_images_lie_anywhere(tmp_path: Path) -> None:
    for path in ("2.png", "a/b/1.png"):
        (tmp_path / "raw/train" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2), int(path[-5])).save(tmp_path / "raw/train" / path)
    recipe = RECIPE.replace('target.classes = "learn"\n', "")
    x = shardmill.open(build(recipe, tmp_path / "raw", tmp_path / "out").artifact)[:]
    assert x[:, 0, 0, 0].tolist() == [2, 1]


def test_hidden_files_are_passed_over(raw: Path, tmp_path: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "cat/.hidden.png", "__MACOSX/._1.png"):
        (raw / "train" / name).parent.mkdir(exist_ok=True)
        (raw / "train" / name).write_bytes(b"?")
    assert build(RECIPE, raw, tmp_path / "out").rows == {"train": 30}


def test_links_are_followed_but_not_in_circles(raw: Path, tmp_path: Path) -> None:
    (raw / "train/owl").rename(tmp_path / "elsewhere")
    (raw / "train/owl").symlink_to(tmp_path / "elsewhere")
    (raw / "train/cat/again").symlink_to(raw / "train")
    outcome = build(RECIPE, raw, tmp_path / "out")
    assert outcome.rows == {"train": 30}


def test_changes_of_the_folder(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert build(RECIPE, raw, out).status == "built"
    assert build(RECIPE, raw, out).status == "up to date"
    os.utime(raw / "train/cat/0000.png")  # the same content
    assert build(RECIPE, raw, out).status == "up to date"
    Image.new("RGB", (9, 8)).save(raw / "train/cat/9999.png")
    added = build(RECIPE, raw, out)
    assert (added.status, added.rows) == ("built", {"train": 31})
    assert added.reasons["shard"] == "changed since the last build: train"
    (raw / "train/cat/9999.png").unlink()
    assert build(RECIPE, raw, out).rows == {"train": 30}
    (raw / "train/cat/0000.png").rename(raw / "train/dog/0000.png")
    assert build(RECIPE, raw, out).status == "built"


def test_a_stray_folder_is_named(raw: Path, tmp_path: Path) -> None:
    write_images(raw / "train", noise(1, 8, 9, 3), classes=("dgo",))
    recipe = RECIPE.replace('"learn"', '["cat", "dog", "owl"]')
    with pytest.raises(UnknownClassError, match=r"train/dgo: .*found 'dgo'; did you mean dog"):
        build(recipe, raw, tmp_path / "out")


def test_an_image_beside_the_folders_is_named(raw: Path, tmp_path: Path) -> None:
    Image.new("RGB", (9, 8)).save(raw / "train/1.png")
    for recipe in (RECIPE, RECIPE.replace('"learn"', '["cat", "dog", "owl"]')):
        with pytest.raises(ImageFileError, match=r"train/1.png: expected an image in a folder"):
            build(recipe, raw, tmp_path / "out")


def test_another_file_is_named(raw: Path, tmp_path: Path) -> None:
    (raw / "train/cat/notes.txt").write_text("a cat")
    (raw / "train/dog/notes.txt").write_text("a dog")
    with pytest.raises(ImageFileError, match=r"cat/notes.txt: .*another kind, and 1 more such"):
        build(RECIPE, raw, tmp_path / "out")


def test_no_folder_and_no_images(tmp_path: Path) -> None:
    (tmp_path / "raw/trian/cat").mkdir(parents=True)
    with pytest.raises(MissingRawFileError, match="a folder of images, found trian beside it"):
        build(RECIPE, tmp_path / "raw", tmp_path / "out")
    (tmp_path / "raw/train/cat").mkdir(parents=True)
    with pytest.raises(MissingRawFileError, match="found one without images"):
        build(RECIPE, tmp_path / "raw", tmp_path / "out")


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def test_a_broken_image_fails_the_build(raw: Path, tmp_path: Path) -> None:
    damage(raw / "train/dog/0015.png")
    with pytest.raises(ImageFileError, match=r"train/dog/0015.png: expected a whole image, found"):
        build(RECIPE, raw, tmp_path / "out")


def test_a_broken_image_goes_to_quarantine(raw: Path, tmp_path: Path) -> None:
    damage(raw / "train/dog/0015.png")
    recipe = 'rows = { on_bad_row = "quarantine", max_bad_rows = 0.1 }\n' + RECIPE
    outcome = build(recipe, raw, tmp_path / "out", sizes=SMALL)
    assert outcome.rows == {"train": 29}
    assert any("1 row of train left out as bad" in note for note in outcome.notes)
    (record,) = Manifest.load(outcome.artifact).splits["train"].left_out
    (row,) = pq.read_table(outcome.artifact / record.path).to_pylist()
    assert row["file"] == "train/dog/0015.png" and row["line"] is None
    assert row["reason"].startswith("expected a whole image, found one that is damaged")
    verify_artifact(outcome.artifact)
    _, y = shardmill.open(outcome.artifact)[:]
    assert y.tolist() == [0] * 10 + [1] * 9 + [2] * 10


def test_too_many_broken_images(raw: Path, tmp_path: Path) -> None:
    damage(raw / "train/dog/0015.png")
    recipe = 'rows.on_bad_row = "quarantine"\n' + RECIPE
    with pytest.raises(TooManyBadRowsError, match=r"0015.png: .*\(rows.max_bad_rows\)"):
        build(recipe, raw, tmp_path / "out")


def test_an_image_of_another_size(raw: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(raw / "train/dog/0015.png")
    with pytest.raises(ImageFileError, match=r"0015.png: .* of 8 x 9 pixels, found one of 8 x 8"):
        build(RECIPE, raw, tmp_path / "out")
    sized = 'size = [4, 5]\nresize = "pad"\nchannels = "grey"\n' + RECIPE
    dataset = shardmill.open(build(sized, raw, tmp_path / "out").artifact)
    assert dataset[:][0].shape == (30, 1, 4, 5)


def test_all_splits_have_the_form_of_train(raw: Path, tmp_path: Path) -> None:
    write_images(raw / "test", noise(3, 8, 9))  # grey
    recipe = RECIPE + 'splits.test.folder.path = "test"\n'
    artifact = build(recipe, raw, tmp_path / "out").artifact
    assert shardmill.open(artifact, "test")[:][0].shape == (3, 3, 8, 9)
    write_images(raw / "test", noise(3, 9, 9))
    with pytest.raises(ImageFileError, match=r"test/cat/0000.png: .*found one of 9 x 9"):
        build(recipe, raw, tmp_path / "out")


def test_a_first_image_that_is_broken_settles_nothing(raw: Path, tmp_path: Path) -> None:
    damage(raw / "train/cat/0000.png")
    recipe = 'rows = { on_bad_row = "quarantine", max_bad_rows = 0.1 }\n' + RECIPE
    assert build(recipe, raw, tmp_path / "out").rows == {"train": 29}
    for path in (raw / "train").rglob("*.png"):
        damage(path)
    with pytest.raises(ImageFileError, match="expected a whole image"):
        build(recipe, raw, tmp_path / "out")


def test_missing_pillow_names_the_extra(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(shardmill.MissingLibraryError, match=r"pip install 'shardmill\[images\]'"):
        build(RECIPE, raw, tmp_path / "out")


FAULTS: list[tuple[str, str, str]] = [
    ("layout", 'layout = "hwc"\n', "layout: is for arrays of images"),
    ("resize alone", 'resize = "crop"\n', "resize: needs size"),
    ("size", "size = [0, 4]\n", "size.0: "),
    ("pattern", 'splits.test.folder.path = "te*"\n', "must be one folder, without"),
    ("urls", 'splits.test.folder = { path = "a", urls = ["b"] }\n', "has no urls"),
    ("outside", 'splits.test.folder.path = "../test"\n', "below the raw folder"),
    (
        "twice",
        'splits.test.folder.path = "train"\n',
        "has images that are in the folder of train, too",
    ),
    (
        "inside",
        'splits.test.folder.path = "train/cat"\n',
        "has images that are in the folder of train",
    ),
    ("column", "target.column = 1\n", "target.column: unknown key"),
    ("arrays", 'splits.test = { images.path = "x", labels.path = "y" }\n', "in one way"),
]


@pytest.mark.parametrize(("_what", "keys", "fault"), FAULTS)
def test_keys_that_do_not_fit(_what: str, keys: str, fault: str, tmp_path: Path) -> None:
    text = RECIPE + keys if keys.startswith("splits") else keys + RECIPE
    with pytest.raises(RecipeError, match="expected a valid image recipe") as caught:
        build(text, tmp_path, tmp_path)
    assert fault in caught.value.found


def test_keys_of_files_are_for_files() -> None:
    recipe: Any = IDX.replace('layout = "hwc"', "size = [3, 4]")
    with pytest.raises(RecipeError, match="size: needs images in files of their own"):
        build(recipe, Path(), Path())


def test_folders_have_classes() -> None:
    with pytest.raises(RecipeError, match=r"target.classes: missing"):
        build(RECIPE.replace('target.classes = "learn"', "target = {}"), Path(), Path())
