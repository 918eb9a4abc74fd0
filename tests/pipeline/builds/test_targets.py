"""Artifacts whose targets are numbers or several classes, and files of labels of other shapes."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from small_parts import SMALL, build, cleaned, contents, left_out

import shardmill
from shardmill.errors import (
    ImageShapeError,
    InputError,
    LabelShapeError,
    RecipeError,
    UntrainableError,
)
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.serve.open_source import open_source
from shardmill.training.models.build_model import build_model

TEXTS = """
name = "toy"
kind = "text"
target = { TARGET }
splits.train.csv.path = "train.csv"
splits.validation.hold_out = { split = "train", fraction = 0.5 }
[text]
columns = ["plot", "a", "b"]
join = ["plot"]
"""
TABLE = """
name = "toy"
kind = "tabular"
target = { TARGET }
splits.train.csv.path = "train.csv"
splits.validation.hold_out = { split = "train", fraction = 0.5 }
[columns]
plot = { dtype = "int64" }
a = { dtype = "DTYPE" }
b = { dtype = "DTYPE" }
"""
IMAGES = """
name = "toy"
kind = "image"
splits.train = { images = { path = "images" }, labels = { path = "labels" } }
"""


def raw(tmp_path: Path, rows: list[str], header: str = "plot,a,b") -> Path:
    (tmp_path / "train.csv").write_text("\n".join([header, *rows]) + "\n")
    return tmp_path


def both(artifact: Path) -> npt.NDArray[Any]:
    """The targets of both splits by the number of their row, which is their input or text."""
    found: dict[int, torch.Tensor] = {}
    for split in ("train", "validation"):
        ds: Any = shardmill.open(artifact, split)
        rows = cleaned(artifact, split)
        inputs = rows.column("text" if "text" in rows.column_names else "plot").to_pylist()
        found.update(zip(map(int, inputs), ds[:][1], strict=True))
        assert ds[:][1].dtype == torch.float32
    return torch.stack([found[row] for row in sorted(found)]).numpy()


@pytest.mark.parametrize("recipe", [TEXTS, TABLE.replace("DTYPE", "str", 1)])
def test_several_classes_in_a_cell(tmp_path: Path, recipe: str) -> None:
    rows = [f"{n},{('x', 'y; z', 'z;', '')[n % 4]},1" for n in range(40)]
    recipe = recipe.replace("TARGET", 'column = "a", classes = "learn", separator = ";"')
    recipe = recipe.replace('"DTYPE"', '"int64", drop = true')
    artifact = build(recipe, raw(tmp_path, rows), tmp_path).artifact
    ds: Any = shardmill.open(artifact)
    assert ds.classes == ("x", "y", "z")
    assert [(f.role, f.shape) for f in ds.fields if f.is_target] == [("classes", (3,))]
    expected = [[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]]
    assert both(artifact).tolist() == expected * 10
    verify_artifact(artifact)
    assert build(recipe, tmp_path, tmp_path).status == "up to date"
    with pytest.raises(ValueError, match="needs rows of one class"):
        ds.loader(4, weights="balanced")
    with pytest.raises(
        UntrainableError,
        match="found several classes for a row, in the target a; train",
    ):
        build_model(ds)


@pytest.mark.parametrize("recipe", [TEXTS, TABLE.replace("DTYPE", "bool")])
def test_a_column_for_each_class(tmp_path: Path, recipe: str) -> None:
    rows = [f"{n},{n % 2},{'yes' if n % 3 else 'no'}" for n in range(12)]
    recipe = recipe.replace("TARGET", 'columns = ["b", "a"]')
    artifact = build(recipe, raw(tmp_path, rows), tmp_path).artifact
    assert shardmill.open(artifact).classes == ("b", "a")
    assert both(artifact).tolist() == [[n % 3 > 0, n % 2] for n in range(12)]
    verify_artifact(artifact)
    raw(tmp_path, [*rows, "12,1,maybe"])
    with pytest.raises(InputError, match=r"line 14, column b: expected .* found 'maybe'"):
        build(recipe, tmp_path, tmp_path)


def test_a_missing_label_of_several(tmp_path: Path) -> None:
    # An empty cell has no class. Other spellings of a missing cell are faults, or drop the row.
    recipe = TABLE.replace("TARGET", 'column = "a", classes = ["x"], separator = ";"')
    recipe = recipe.replace('"DTYPE"', '"str", missing_values = ["NA"]', 1)
    recipe = recipe.replace('"DTYPE"', '"int64"')
    recipe = 'csv = { on_bad_row = "quarantine", max_bad_rows = 1 }\n' + recipe
    artifact = build(recipe, raw(tmp_path, ["0,x,1", "1,,1", "2,NA,1"]), tmp_path).artifact
    assert both(artifact).tolist() == [[1], [0]]
    assert left_out(artifact).column("reason").to_pylist() == [
        "a: expected one of x, found 'NA', a missing cell"
    ]


def test_the_numbers_of_texts(tmp_path: Path) -> None:
    recipe = TEXTS.replace("TARGET", 'column = "a"') + '[csv]\ndecimal = ","\ndelimiter = ";"\n'
    rows = [f"{n};{n},5;x" for n in range(20)]
    artifact = build(recipe, raw(tmp_path, rows, "plot;a;b"), tmp_path).artifact
    assert shardmill.open(artifact).classes is None
    assert both(artifact).tolist() == [n + 0.5 for n in range(20)]
    verify_artifact(artifact)


def test_bytes_do_not_depend_on_workers(tmp_path: Path) -> None:
    rows = [f"word{n},{('x', 'y;z', 'z', '')[n % 4]},{'long ' * 9}" for n in range(4000)]
    recipe = TEXTS.replace("TARGET", 'column = "a", classes = "learn", separator = ";"')
    raw(tmp_path, rows)
    build(recipe, tmp_path, tmp_path / "one", workers=1, sizes=SMALL)
    build(recipe, tmp_path, tmp_path / "two", workers=2, sizes=SMALL)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


# Images


def images(
    tmp_path: Path,
    labels: npt.NDArray[Any],
    more: str,
    rows: npt.NDArray[Any] | None = None,
) -> Any:
    rows = np.arange(len(labels) * 4, dtype="u1").reshape(-1, 2, 2) if rows is None else rows
    (tmp_path / "images").write_bytes(encode_idx(rows))
    (tmp_path / "labels").write_bytes(encode_idx(labels))
    artifact = build(IMAGES + more, tmp_path, tmp_path).artifact
    verify_artifact(artifact)
    return shardmill.open(artifact)


def test_images_with_numbers(tmp_path: Path) -> None:
    ds = images(tmp_path, np.array([0.5, -1.0, 3.25], "f4"), "target = {}")
    assert ds[:][1].tolist() == [0.5, -1.0, 3.25]
    assert ds.classes is None


def test_a_column_of_labels(tmp_path: Path) -> None:
    labels = np.array([[7, 0, 9], [7, 2, 9], [7, 1, 9]], "i4")
    ds = images(tmp_path, labels, 'target = { column = 1, classes = ["a", "b", "c"] }')
    assert ds[:][1].tolist() == [0, 2, 1]
    floats = images(tmp_path, labels.astype("f4"), 'target = { column = 1, classes = "learn" }')
    assert (floats.classes, floats[:][1].tolist()) == (("0", "1", "2"), [0, 2, 1])
    with pytest.raises(RecipeError, match=r"whole numbers.*found 0\.5 in"):
        images(tmp_path, labels.astype("f4") + 0.5, 'target = { column = 1, classes = "learn" }')
    learnt = images(tmp_path, labels, 'target = { column = 2, classes = "learn" }')
    assert (learnt.classes, learnt[:][1].tolist()) == (("9",), [0, 0, 0])


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_labels_with_a_column_for_each_class(tmp_path: Path, dtype: str) -> None:
    labels = np.array([[0, 1], [1, 0], [0, 1]], dtype)
    one = images(tmp_path, labels, 'target = { classes = ["a", "b"], encoding = "one_hot" }')
    assert (one[:][1].dtype, one[:][1].tolist()) == (torch.int64, [1, 0, 1])
    several = images(tmp_path, labels, 'target = { classes = "learn", encoding = "multi_hot" }')
    assert (several.classes, several[:][1].tolist()) == (("0", "1"), labels.tolist())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            'target.classes = "learn"',
            r'one number for each label, found .* 3 x 2; .*target.column.*"multi_hot"',
        ),
        ("target = {}", r"one number for each label, found labels of shape 3 x 2"),
        ("target = { column = 2 }", r"at least 3 columns of labels, found .*; correct target.col"),
        (
            'target = { encoding = "one_hot", classes = ["a", "b", "c"] }',
            r"a column for each of 3 classes, found labels of shape 3 x 2",
        ),
    ],
)
def test_labels_of_another_shape(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(LabelShapeError, match=message):
        images(tmp_path, np.zeros((3, 2), "u1"), more)


def test_channels_that_come_last(tmp_path: Path) -> None:
    rows = np.arange(2 * 5 * 4 * 3, dtype="u1").reshape(2, 5, 4, 3)
    recipe = 'target.classes = "learn"\nlayout = "hwc"'
    ds = images(tmp_path, np.array([0, 1], "u1"), recipe, rows)
    assert ds[:][0].tolist() == rows.transpose(0, 3, 1, 2).tolist()
    given = shardmill.Preprocessor.load(tmp_path / "toy")
    assert torch.equal(given(rows), ds[:][0])  # type: ignore[arg-type]
    with open_source(given, tmp_path / "images", ()) as source:
        assert source.files()[0].path == tmp_path / "images"
    with pytest.raises(InputError, match=r"\[n, 5, 4, 3\], found uint8 of shape \[2, 3, 5, 4\]"):
        given(rows.transpose(0, 3, 1, 2))
    assert build(IMAGES + recipe, tmp_path, tmp_path, force=True).notes == ()
    (note,) = build(IMAGES + recipe[:-14], tmp_path, tmp_path).notes
    said = 'images are 5 x 4 x 3, channels first; if their channels are last, set layout = "hwc"'
    assert note == said
    with pytest.raises(ImageShapeError, match=r"height, width and channels, found .* 2 x 2; leave"):
        images(tmp_path, np.array([0, 1], "u1"), recipe)


# Recipes


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ('separator = ";", column = "a"', "separator: needs classes"),
        ('separator = "", classes = "learn", column = "a"', "target.separator: String should have"),
        ('separator = "/", classes = ["a/b"], column = "a"', "separator: 'a/b' has it inside"),
        ('columns = ["a"], column = "a"', "column: missing, or columns if each class has one"),
        ('columns = ["a", "b"], classes = ["a", "b"]', "are the classes, so leave out classes"),
        ('columns = ["a", "plot"]', "text.join: holds plot, which is the target"),
        ('columns = ["a", "x"]', "text.columns: does not name x"),
    ],
)
def test_faults_of_targets(target: str, fault: str) -> None:
    with pytest.raises(RecipeError, match=fault):
        build(TEXTS.replace("TARGET", target), Path(), Path())


@pytest.mark.parametrize(
    ("target", "dtype", "fault"),
    [
        ('columns = ["a", "b"]', "int64", "target.columns: 'a' must be a column of bool"),
        ('columns = ["a", "c"]', "bool", r"target.columns: no column 'c', or it is dropped"),
        ('column = "a", classes = "learn", separator = ";"', "int64", "separator: needs a column"),
        (
            'columns = ["a", "b"]',
            'bool", true = ["x" ] } # "',
            "columns.a: true and false are given together",
        ),
    ],
)
def test_faults_of_targets_of_tables(target: str, dtype: str, fault: str) -> None:
    with pytest.raises(RecipeError, match=fault):
        build(TABLE.replace("TARGET", target).replace("DTYPE", dtype), Path(), Path())


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ('column = 1, classes = "learn", encoding = "one_hot"', "column: is the number of one"),
        ('encoding = "multi_hot"', "encoding: multi_hot needs classes"),
        ('encoding = "one_hot", classes = ["a"], first = 0', "first: means nothing to one_hot"),
        ("first = 1", "first: needs classes"),
        ("column = -1", "target.column: Input should be greater than or equal to 0"),
    ],
)
def test_faults_of_targets_of_images(target: str, fault: str) -> None:
    with pytest.raises(RecipeError, match=fault):
        build(f"{IMAGES}target = {{ {target} }}", Path(), Path())
