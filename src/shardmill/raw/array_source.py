"""Rows of arrays in files: images, or rows of any other shape, and their labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from shardmill.errors import ImageShapeError, LabelShapeError, RowCountError
from shardmill.format.arrow_arrays import arrow_array
from shardmill.raw.array_header import ArrayHeader
from shardmill.raw.image_table import image_table
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_array import read_array_header, read_array_rows
from shardmill.raw.read_npy import names_in
from shardmill.raw.row_source import Place, ReadRows, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.splits import Split
from shardmill.recipe.targets import ImageTarget


@dataclass(frozen=True, slots=True)
class ArrayChunk:
    """Rows `[start, stop)` of arrays, and how many bytes the images among them take."""

    start: int
    stop: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ArraySource:
    """An array of images and, if there is one, an array of their labels.

    Attributes:
        images: The file of images.
        header: The header of the file of images.
        labels: The file of labels, or None.
        label_header: The header of the file of labels, or None.
        label_column: Which column of the file of labels is the label; None if there is one alone,
            or if all are.
    """

    images: RawContent
    header: ArrayHeader
    labels: RawContent | None = None
    label_header: ArrayHeader | None = None
    label_column: int | None = None

    @classmethod
    def of_split(
        cls,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        columns: SourceColumns,  # noqa: ARG003
    ) -> "ArraySource":
        """Return the rows of a split that has files of arrays of its own.

        Raises:
            InputError: An array cannot be read; see `read_array_header`.
            RowCountError: There is not one label for each image.
            LabelShapeError: A label has more or fewer numbers than the recipe says.
        """
        assert split.images is not None  # noqa: S101  the recipe was validated
        (images,) = raw[split.images.path]
        source = cls(images, _header(recipe, images, split.images.array))
        if split.labels is None:
            return source
        (labels,) = raw[split.labels.path]
        label_header = read_array_header(labels, split.labels.array)
        rows, target = source.header.shape[0], recipe.all_targets().get("label")
        if label_header.shape[0] != rows:
            raise RowCountError(
                labels.path,
                expected=f"one label for each of the {rows:,} images of {images.path}",
                found=f"labels of shape {_by(label_header.shape)}",
                fix="check that both files belong together",
            )
        if isinstance(target, ImageTarget):
            check_label_shape(labels.path, label_header.shape, target)
        column = target.column if isinstance(target, ImageTarget) else None
        return cls(images, source.header, labels, label_header, column)

    @classmethod
    def of_file(cls, recipe: AnyRecipe, file: RawContent, columns: SourceColumns) -> "ArraySource":  # noqa: ARG003
        """Return the rows of a file of images to predict.

        Raises:
            ImageShapeError: The images do not have the layout that the recipe says.
            InputError: The array cannot be read; see `read_array_header`.
        """
        return cls(file, _header(recipe, file, _array_to_predict(recipe, file)))

    def files(self) -> tuple[RawContent, ...]:
        """Return the file of images."""
        return (self.images,)

    def failing(self) -> "ArraySource":
        """Return the same rows. None is bad before its values are read."""
        return self

    def chunks(self, chunk_bytes: int) -> Iterator[ArrayChunk]:
        """Yield chunks of about `chunk_bytes` bytes of images."""
        yield from self._chunks(0, chunk_bytes)

    def rest(self, chunk: ArrayChunk, chunk_bytes: int) -> Iterator[ArrayChunk]:
        """Yield the chunks that come after a chunk."""
        yield from self._chunks(chunk.stop, chunk_bytes)

    def _chunks(self, first: int, chunk_bytes: int) -> Iterator[ArrayChunk]:
        rows = max(1, chunk_bytes // self.header.row_bytes)
        for start in range(first, self.header.shape[0], rows):
            stop = min(start + rows, self.header.shape[0])
            yield ArrayChunk(start, stop, (stop - start) * self.header.row_bytes)

    def read(self, chunk: ArrayChunk) -> ReadRows:
        """Return the columns `image` and, if there are labels, `label`. No row is bad."""
        images = read_array_rows(self.images.readable, self.header, chunk.start, chunk.stop)
        columns = {}
        if self.labels is not None and self.label_header is not None:
            labels = read_array_rows(
                self.labels.readable, self.label_header, chunk.start, chunk.stop
            )
            if self.label_column is not None:
                labels = np.ascontiguousarray(labels[:, self.label_column])
            values = arrow_array(labels.reshape(-1))
            one = labels.ndim == 1
            columns["label"] = (
                values if one else pa.FixedSizeListArray.from_arrays(values, labels.shape[1])
            )
        return ReadRows(image_table(images, **columns), [])

    def places(self, chunk: ArrayChunk, rows: Sequence[int], column: str) -> list[Place]:
        """Return the numbers of some rows of a chunk, in the file that `column` lies in."""
        is_label = self.labels is not None and column == "label"
        file = self.labels.path if is_label and self.labels is not None else self.images.path
        return [Place(file, "row", chunk.start + row, None) for row in rows]


def _array_to_predict(recipe: AnyRecipe, file: RawContent) -> str | None:
    """Return which array of a file to read: one that the recipe names, or the only one."""
    images = [split.images for split in recipe.splits.values() if split.images is not None]
    named = dict.fromkeys(file.array for file in images if file.array is not None)
    names = names_in(file.readable) if named else ()
    return next((array for array in named if array in names), None)


def _header(recipe: AnyRecipe, file: RawContent, array: str | None) -> ArrayHeader:
    header = read_array_header(file, array)
    if isinstance(recipe, ImageRecipe) and not recipe.takes_rank(len(header.shape) - 1):
        is_hwc = recipe.layout == "hwc"
        raise ImageShapeError(
            file.path,
            expected=f"images of height{', width and channels' if is_hwc else ' and width'}",
            found=f"rows of shape {_by(header.shape[1:]) or 1}",
            fix=f"leave {'layout' if is_hwc else 'transpose'} out of the recipe",
        )
    return header


def check_label_shape(path: Path, shape: tuple[int, ...], target: ImageTarget) -> None:
    """Check that labels [n] or [n, m] have as many numbers as the target needs.

    Raises:
        LabelShapeError: They have more or fewer.
    """
    found = f"labels of shape {_by(shape)}"
    if target.encoding != "index":
        classes = f"{len(target.names()):,} classes" if target.names() else "the classes"
        expected = f"a column for each of {classes}"
        fits = len(shape) == 2 and len(target.names()) in (0, shape[1])
        fix = "name as many classes as the file has columns"
    elif target.column is not None:
        expected = f"at least {target.column + 1:,} columns of labels"
        fits = len(shape) == 2 and target.column < shape[1]
        fix = "correct target.column of the recipe"
    else:
        expected, fits = "one number for each label", len(shape) == 1
        fix = (
            "say in the recipe which column is the label (target.column), or that there is a "
            'column for each class (target.encoding = "one_hot" or "multi_hot")'
        )
    if not fits:
        raise LabelShapeError(path, expected=expected, found=found, fix=fix)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{n:,}" for n in shape)
