"""CSV files of paths and labels build what folders of the same images do."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from image_files import RECIPE, build, noise, write_images
from small_parts import contents

import shardmill
from shardmill.errors import ImageFileError, RecipeError, UnknownClassError
from shardmill.format.manifest import Manifest
from shardmill.format.verify_artifact import verify_artifact
from shardmill.raw.work_sizes import WorkSizes

PATHS = """
name = "toy"
kind = "image"
target = { column = "kind", classes = "learn" }
paths = { column = "image" }
splits.train.csv.path = "train.csv"
"""
SMALL = WorkSizes(chunk_bytes=1_000, smallest_part_bytes=4_000)
IMAGES = noise(30, 8, 9, 3)
KINDS = ("cat", "dog", "owl")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_images(tmp_path / "raw/train", IMAGES)
    write_csv(tmp_path / "raw", "train/")
    return tmp_path / "raw"


def lines(prefix: str, suffix: str = ".png") -> list[str]:
    return [f"{n},{prefix}{KINDS[n // 10]}/{n:04}{suffix},{KINDS[n // 10]}" for n in range(30)]


def write_csv(raw: Path, prefix: str, suffix: str = ".png") -> None:
    text = "id,image,kind\n" + "\n".join(lines(prefix, suffix)) + "\n"
    (raw / "train.csv").write_text(text)


def edit(raw: Path, old: str, new: str) -> None:
    text = (raw / "train.csv").read_text()
    assert old in text
    (raw / "train.csv").write_text(text.replace(old, new, 1))


def test_paths_build_what_a_folder_does(raw: Path, tmp_path: Path) -> None:
    folder, paths = (
        Manifest.load(build(recipe, raw, tmp_path / name).artifact)
        for name, recipe in (("folder", RECIPE), ("paths", PATHS))
    )
    assert folder.classes == paths.classes == KINDS
    shards = [[s.xxh3_128 for s in m.splits["train"].shards] for m in (folder, paths)]
    assert shards[0] == shards[1]


def test_a_folder_and_a_suffix(raw: Path, tmp_path: Path) -> None:
    write_csv(raw, "", "")
    recipe = PATHS.replace('"image" }', '"image", folder = "train", suffix = ".png" }')
    x = shardmill.open(build(recipe, raw, tmp_path / "out").artifact)[:][0]
    np.testing.assert_array_equal(x.numpy(), IMAGES.transpose(0, 3, 1, 2))


def test_files_without_a_header(raw: Path, tmp_path: Path) -> None:
    (raw / "train.csv").write_text("\n".join(lines("train/")).replace(",", " "))
    recipe = PATHS.replace('"image" }', '"image", columns = ["id", "image", "kind"] }')
    recipe += 'csv = { header = false, delimiter = "whitespace" }\n'
    assert build(recipe, raw, tmp_path / "out").rows == {"train": 30}


def test_any_number_of_workers_gives_the_same_bytes(raw: Path, tmp_path: Path) -> None:
    found = [
        contents(build(PATHS, raw, tmp_path / str(n), workers=n, sizes=SMALL).artifact)
        for n in (1, 2)
    ]
    assert found[0] == found[1]
    assert sum(name.endswith(".parquet") for name in found[0]) > 1


def test_groups_and_numbers(raw: Path, tmp_path: Path) -> None:
    recipe = PATHS.replace('"kind", classes = "learn"', '"id"')
    group = 'splits.test.hold_out = { split = "train", fraction = 0.4, group = "kind" }\n'
    artifact = build(recipe + group, raw, tmp_path / "out").artifact
    ids = {s: shardmill.open(artifact, s)[:][1].tolist() for s in ("train", "test")}
    assert sorted(ids["train"] + ids["test"]) == [float(n) for n in range(30)]
    assert {n // 10 for n in ids["train"]}.isdisjoint({n // 10 for n in ids["test"]})


def test_changes_of_an_image(raw: Path, tmp_path: Path) -> None:
    assert build(PATHS, raw, tmp_path / "out").status == "built"
    assert build(PATHS, raw, tmp_path / "out").status == "up to date"
    (raw / "train/cat/0000.png").write_bytes((raw / "train/cat/0001.png").read_bytes())
    assert build(PATHS, raw, tmp_path / "out").status == "built"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/etc/0000.png", "expected a relative path"),
        ("train/../0000.png", "expected a relative path"),
        ("train/cat/.0000.png", "expected the path of an image"),
        ("train/cat/0000", "expected the path of an image"),
        ("train/cat/none.png", "expected a readable image, found No such file"),
        ("", "expected a relative path"),
    ],
)
def test_paths_of_no_image(raw: Path, tmp_path: Path, path: str, message: str) -> None:
    edit(raw, "train/cat/0003.png", path)
    with pytest.raises(ImageFileError, match=rf"train.csv, line 5: {message}"):
        build(PATHS, raw, tmp_path / "out")


def test_bad_rows_go_to_quarantine(raw: Path, tmp_path: Path) -> None:
    (raw / "train/dog/0015.png").write_bytes(b"?")
    edit(raw, "3,train/cat/0003.png,cat", "3,train/cat/0003.png")
    recipe = 'rows = { on_bad_row = "quarantine", max_bad_rows = 0.1 }\n' + PATHS
    outcome = build(recipe, raw, tmp_path / "out", sizes=SMALL)
    assert outcome.rows == {"train": 28}
    records = Manifest.load(outcome.artifact).splits["train"].left_out
    rows = [
        r for record in records for r in pq.read_table(outcome.artifact / record.path).to_pylist()
    ]
    assert [(row["file"], row["line"]) for row in rows] == [("train.csv", 5), ("train.csv", 17)]
    assert rows[1]["reason"].endswith("in train/dog/0015.png")
    verify_artifact(outcome.artifact)


def test_an_unknown_class(raw: Path, tmp_path: Path) -> None:
    recipe = PATHS.replace('"learn"', '["cat", "dog"]')
    with pytest.raises(UnknownClassError, match=r"train.csv, line 22, column kind: .*found 'owl'"):
        build(recipe, raw, tmp_path / "out")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('paths = { column = "image" }\n', "", "paths: missing, CSV files need it"),
        ('column = "image"', 'column = "image", folder = "../a"', "below the raw folder"),
        ("kind = ", 'csv.missing = ["a"]\nkind = ', "csv.missing: means nothing to images"),
    ],
)
def test_keys_that_do_not_fit(tmp_path: Path, old: str, new: str, fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        build(PATHS.replace(old, new, 1), tmp_path, tmp_path)
    assert fault in caught.value.found
