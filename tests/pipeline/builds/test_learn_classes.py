"""Classes that are learnt from the train split, and other spellings of classes."""

import gzip
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_parts import SMALL, build, cleaned, contents

import shardmill
from shardmill.errors import InputError, RecipeError, UnknownClassError
from shardmill.format.manifest import Manifest
from shardmill.pipeline.builds import learn_classes
from shardmill.pipeline.sample.write_idx import encode_idx

TABLE = """
name = "toy"
kind = "tabular"
target = { column = "y", classes = "learn" }
splits.train.csv.path = "train.csv"
splits.validation.hold_out = { split = "train", fraction = 0.5 }
[columns]
a = { dtype = "int64" }
y = { dtype = "str" }
"""
TEXTS = """
name = "toy"
kind = "text"
target = { column = "y", classes = "learn" }
splits.train.csv.path = "train.csv"
[text]
columns = ["a", "y"]
join = ["a"]
"""
IMAGES = """
name = "toy"
kind = "image"
target.classes = "learn"
splits.train = { images = { path = "images" }, labels = { path = "labels" } }
"""


def raw(tmp_path: Path, labels: list[str], compress: Callable[[bytes], bytes] = bytes) -> Path:
    (tmp_path / "raw").mkdir(exist_ok=True)
    rows = "".join(f"{n},{label}\n" for n, label in enumerate(labels))
    (tmp_path / "raw/train.csv").write_bytes(compress(f"a,y\n{rows}".encode()))
    return tmp_path / "raw"


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("recipe", [TABLE, TEXTS])
@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a", " b ", "c"], ("a", "b", "c")),
        (["10", "9", "-1", "9"], ("-1", "9", "10")),  # in the order of their numbers
        (["10", "9", "x", "9"], ("10", "9", "x")),
    ],
)
def test_labels_of_train(
    tmp_path: Path,
    recipe: str,
    labels: list[str],
    classes: tuple[str, ...],
    compress: Callable[[bytes], bytes],
) -> None:
    build(recipe, raw(tmp_path, labels * 2, compress), tmp_path / "out")
    assert Manifest.load(tmp_path / "out/toy").classes == classes
    column = "y" if recipe is TABLE else "label"
    found = cleaned(tmp_path / "out/toy", "train")[column].to_pylist()
    names = [classes[index] for index in found]
    assert set(names) <= {label.strip() for label in labels}
    if recipe is TEXTS:
        assert names == [label.strip() for label in labels * 2]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("recipe", [TABLE, TEXTS])
def test_tasks_read_the_labels_of_large_files(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
    compress: Callable[[bytes], bytes],
) -> None:
    labels = [f"{'ab'[n // 3_000]}{n % 7}" for n in range(6_000)]
    folder = raw(tmp_path, labels, compress)
    build(recipe, folder, tmp_path / "small", sizes=SMALL)
    monkeypatch.setattr(learn_classes, "in_turn", lambda *_: pytest.fail("no tasks"))
    for workers in (1, 2):
        out = tmp_path / str(workers)
        build(recipe, folder, out, workers=workers, sizes=replace(SMALL, large_bytes=1))
        assert contents(out) == contents(tmp_path / "small")
    classes = Manifest.load(tmp_path / "small/toy").classes
    assert classes == tuple(sorted(set(labels)))


def test_tasks_tell_of_faults(tmp_path: Path) -> None:
    folder = raw(tmp_path, ["a", "b"] * 5_000)
    with (folder / "train.csv").open("a") as file:
        file.write("1,a,b\n")
    sizes = replace(SMALL, large_bytes=1)
    with pytest.raises(InputError, match="line 10002"):
        build(TABLE, folder, tmp_path / "out", workers=2, sizes=sizes)


def test_images(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/images").write_bytes(encode_idx(np.zeros((4, 2, 2), np.uint8)))
    (tmp_path / "raw/labels").write_bytes(encode_idx(np.array([3, 5, 3, 2], np.uint8)))
    build(IMAGES, tmp_path / "raw", tmp_path / "out")
    dataset = shardmill.open(tmp_path / "out/toy")
    assert dataset.classes == ("2", "3", "4", "5")
    assert dataset[:][1].tolist() == [1, 3, 1, 0]


def test_labels_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = raw(tmp_path, ["a", "b"]), tmp_path / "out"
    build(TEXTS, folder, out)
    read = learn_classes._read_labels
    calls: list[object] = []

    def counted(*arguments: Any, **options: Any) -> learn_classes.Labels:
        calls.append(arguments)
        return read(*arguments, **options)

    monkeypatch.setattr(learn_classes, "_read_labels", counted)
    assert build(TEXTS, folder, out).status == "up to date"
    assert calls == []
    # Another recipe, other labels, or the same bytes that were touched
    assert build(TEXTS + 'tokenizer = "whitespace"\n', folder, out).status == "built"
    raw(tmp_path, ["a", "b", "c"])
    assert build(TEXTS, folder, out).status == "built"
    assert Manifest.load(out / "toy").classes == ("a", "b", "c")
    assert len(calls) == 2
    os.utime(folder / "train.csv", ns=(1, 1))
    assert build(TEXTS, folder, out).status == "up to date"


def test_another_split_has_another_class(tmp_path: Path) -> None:
    folder = raw(tmp_path, ["a", "b"])
    (folder / "test.csv").write_text("a,y\n1,c\n")
    recipe = 'splits.test.csv.path = "test.csv"\n' + TEXTS
    with pytest.raises(UnknownClassError, match=r"test\.csv, line 2.*one of a, b, found 'c'"):
        build(recipe, folder, tmp_path / "out")


def test_spellings(tmp_path: Path) -> None:
    labels = ["<=50K", ">50K", "<=50K.", ">50K."] * 2
    others = 'spellings = { "<=50K" = ["<=50K."], ">50K" = [">50K."] }'
    for classes in ('"learn"', '["<=50K", ">50K"]'):
        recipe = TEXTS.replace('classes = "learn"', f"classes = {classes}, {others}")
        build(recipe, raw(tmp_path, labels), tmp_path / "out")
        assert Manifest.load(tmp_path / "out/toy").classes == ("<=50K", ">50K")
        assert cleaned(tmp_path / "out/toy", "train")["label"].to_pylist() == [0, 1] * 4


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ('classes = "learnt"', 'target.classes: must be "learn" or a list of texts'),
        ('classes = "learn", first = 1', 'first: needs classes in their order, not "learn"'),
        ('classes = ["a"], spellings = { b = ["c"] }', "spellings: 'b' is no class"),
        ('classes = ["a", "b"], spellings = { b = ["a"] }', "spellings: 'a' stands for more"),
        ('classes = ["a"], first = 0, spellings = { a = ["c"] }', "spellings: needs classes that"),
        ('classes = ["a"], spellings = { a = ["c "] }', "classes: 'c ' has white space"),
    ],
)
def test_faults(tmp_path: Path, target: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build(TEXTS.replace('classes = "learn"', target), raw(tmp_path, ["a"]), tmp_path / "out")


def test_too_many_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn_classes, "_MOST_CLASSES", 2)
    with pytest.raises(RecipeError, match=r"toy, target y: expected 1 to 2 classes .* found 3 in"):
        build(TABLE, raw(tmp_path, ["a", "b", "c"]), tmp_path / "out")
    monkeypatch.undo()
    numbers = [str(n) for n in range(30)]
    with pytest.raises(RecipeError, match="found 30 in 30 rows; leave classes out"):
        build(TABLE, raw(tmp_path, numbers), tmp_path / "out")
    with pytest.raises(InputError, match="line 2"):
        build(TEXTS, raw(tmp_path, ["a,b"]), tmp_path / "out")
