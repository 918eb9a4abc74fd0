"""Makes a recipe for arrays of images and of their labels, in IDX or in numpy's formats."""

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from shardmill.errors import UnclearFilesError
from shardmill.pipeline.infer.guess import Guess
from shardmill.pipeline.infer.guess_splits import FEWEST_ROWS, held_out, name_of, split_of
from shardmill.pipeline.infer.inferred import Inferred, raw_folder
from shardmill.pipeline.infer.write_recipe import RecipeParts
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_array import read_array_header, read_array_rows
from shardmill.raw.read_npy import names_in
from shardmill.raw.unpack_npz import unpack_npz

_LABELS = re.compile(r"(?:.*[^a-z])?(?:y|labels?|targets?|classes|idx1)(?:[^a-z].*)?")
_MOST_CLASSES = 1_000
_MOST_FLOATS = 20  # more whole floats than these are an amount


class _Found(NamedTuple):
    """An array in a file.

    Attributes:
        path: The file.
        array: Its name in an `.npz`; else None.
        shape: Its shape.
        classes: Whether its numbers are most likely classes; None if it has several dimensions.
    """

    path: Path
    array: str | None
    shape: tuple[int, ...]
    classes: bool | None

    @property
    def are_labels(self) -> bool:
        """Whether these are labels rather than images."""
        name = self.array or self.path.name
        return len(self.shape) == 1 or (
            len(self.shape) == 2 and _LABELS.fullmatch(name.lower()) is not None
        )

    def split(self) -> str:
        """Return the split that the name of the array or of the file says."""
        for name in (self.array, self.path.name):
            if name is not None and "t10k" in name:
                return "test"  # as the files of MNIST and its likes are called
            split = None if name is None else split_of(Path(name))
            if split is not None:
                return split
        return "train"

    def keys(self, raw: Path) -> dict[str, Any]:
        """Return the entry of a recipe."""
        path = self.path.relative_to(raw).as_posix()
        return {"path": path} if self.array is None else {"path": path, "array": self.array}


def infer_arrays(files: Sequence[Path], *, name: str | None = None) -> Inferred:
    """Return a recipe for arrays, after a look at their heads and at all labels.

    Args:
        files: Arrays of images, or of rows of any other shape, and of their labels.
        name: The name of the dataset; None to call it after the file or its folder.

    Raises:
        UnclearFilesError: There is more than one array of images or labels in a split, or they have
            another number of rows.
        InputError: A file cannot be read.
    """
    raw = raw_folder(files)
    found = [array for path in sorted(files) for array in _arrays(path)]
    splits: dict[str, list[_Found]] = {}
    for array in found:
        splits.setdefault(array.split(), []).append(array)
    if "train" not in splits:
        splits = {"train": found}
    parts = RecipeParts(name=name or name_of(files), kind="image")
    kinds, rows = set(), {}
    for split in ("train", "validation", "test"):
        if split in splits:
            images, labels = _pair(split, splits[split])
            keys: dict[str, Any] = {"images": images.keys(raw)}
            if labels is not None:
                keys["labels"] = labels.keys(raw)
                kinds.add(labels.classes)
            parts.splits[split] = Guess(keys if labels is not None else {**keys, "labelled": False})
            rows[split] = images.shape[0]
    if kinds:
        if kinds == {True}:
            reason = "whole numbers; leave classes out if they are an amount"
            parts.target = Guess({"classes": "learn"}, reason)
        parts.has_target = True
    if rows["train"] >= FEWEST_ROWS:
        parts.splits |= held_out(splits)
    return Inferred.of(parts, raw)


def _arrays(path: Path) -> list[_Found]:
    with TemporaryDirectory(prefix="shardmill-") as folder:
        content = RawContent.unhashed(path, Path(folder) / "plain", None)
        names: Sequence[str | None] = [None]
        if path.suffix == ".npz":
            readable = unpack_npz(content.readable, Path(folder) / "npz", name=path)
            content = RawContent(path, content.bytes, "", None, content.stat, readable)
            names = names_in(readable)
        return [_found(content, name) for name in names]


def _found(content: RawContent, name: str | None) -> _Found:
    header = read_array_header(content, name)
    classes = None
    if len(header.shape) == 1:
        labels = read_array_rows(content.readable, header, 0, header.shape[0])
        whole = np.array_equal(labels, labels.astype(np.int64))
        most = _MOST_CLASSES if header.dtype.kind in "iu" else _MOST_FLOATS
        classes = whole and len(np.unique(labels)) <= min(most, len(labels) // 2 + 1)
    return _Found(content.path, name, header.shape, classes)


def _pair(split: str, arrays: Sequence[_Found]) -> tuple[_Found, _Found | None]:
    """Return the images and the labels of a split."""
    images = [array for array in arrays if not array.are_labels]
    labels = [array for array in arrays if array.are_labels]
    shown = ", ".join(f"{a.array or a.path.name} {list(a.shape)}" for a in arrays)
    if len(images) != 1 or len(labels) > 1:
        raise UnclearFilesError(
            arrays[0].path,
            expected=f"an array of images and at most one of labels for {split}",
            found=shown,
            fix="give the files of one dataset, or write a recipe (`shardmill recipe show mnist`)",
        )
    if labels and labels[0].shape[0] != images[0].shape[0]:
        raise UnclearFilesError(
            arrays[0].path,
            expected="a label for each image",
            found=shown,
            fix="check that the files belong together",
        )
    return images[0], labels[0] if labels else None
