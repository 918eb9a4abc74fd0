"""Rows of IDX files: images, or arrays of any other shape, and their labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from shardmill.errors import RowCountError
from shardmill.format.arrow_arrays import arrow_array
from shardmill.raw.image_table import image_table
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_idx import IdxHeader, read_idx_header, read_idx_rows
from shardmill.raw.row_source import BadPlace, Place, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.splits import Split


@dataclass(frozen=True, slots=True)
class IdxChunk:
    """Rows `[start, stop)` of IDX files, and how many bytes the images among them take."""

    start: int
    stop: int
    bytes: int


@dataclass(frozen=True, slots=True)
class IdxSource:
    """Images of an IDX file and, if there is one, the labels of another.

    Attributes:
        images: The file of images.
        header: The header of the file of images.
        labels: The file of labels, or None.
        label_header: The header of the file of labels, or None.
    """

    images: RawContent
    header: IdxHeader
    labels: RawContent | None = None
    label_header: IdxHeader | None = None

    @classmethod
    def of_split(
        cls,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        columns: SourceColumns,
    ) -> "IdxSource":
        """Return the rows of a split that has IDX files of its own.

        Raises:
            IdxFormatError: A file does not start with a valid IDX header.
            IdxSizeError: A file has another size than its header says.
            EmptyFileError: A file holds no rows.
            RowCountError: There is not one label for each image.
        """
        assert split.images is not None  # noqa: S101  the recipe was validated
        (images,) = raw[split.images.path]
        source = cls.of_file(recipe, images, columns)
        if split.labels is None:
            return source
        (labels,) = raw[split.labels.path]
        label_header = read_idx_header(labels.readable, labels.bytes, name=labels.path)
        if label_header.shape != source.header.shape[:1]:
            rows = source.header.shape[0]
            raise RowCountError(
                labels.path,
                expected=f"one label for each of the {rows:,} images of {images.path}",
                found=f"labels of shape {' x '.join(f'{n:,}' for n in label_header.shape)}",
                fix="check that both files belong together",
            )
        return cls(images, source.header, labels, label_header)

    @classmethod
    def of_file(cls, recipe: AnyRecipe, file: RawContent, columns: SourceColumns) -> "IdxSource":  # noqa: ARG003
        """Return the rows of a file of images to predict.

        Raises:
            IdxFormatError: The file does not start with a valid IDX header.
            IdxSizeError: The file has another size than its header says.
            EmptyFileError: The file holds no rows.
        """
        return cls(file, read_idx_header(file.readable, file.bytes, name=file.path))

    def files(self) -> tuple[RawContent, ...]:
        """Return the file of images."""
        return (self.images,)

    def chunks(self, chunk_bytes: int) -> Iterator[IdxChunk]:
        """Yield chunks of about `chunk_bytes` bytes of images."""
        rows = max(1, chunk_bytes // self.header.row_bytes)
        for start in range(0, self.header.shape[0], rows):
            stop = min(start + rows, self.header.shape[0])
            yield IdxChunk(start, stop, (stop - start) * self.header.row_bytes)

    def read(self, chunk: IdxChunk) -> tuple[pa.Table, list[BadPlace]]:
        """Return the columns `image` and, if there are labels, `label`. No row is bad."""
        images = read_idx_rows(self.images.readable, self.header, chunk.start, chunk.stop)
        columns = {}
        if self.labels is not None and self.label_header is not None:
            labels = read_idx_rows(self.labels.readable, self.label_header, chunk.start, chunk.stop)
            columns["label"] = arrow_array(labels)
        return image_table(images, **columns), []

    def places(self, chunk: IdxChunk, rows: Sequence[int], column: str) -> list[Place]:
        """Return the numbers of some rows of a chunk, in the file that `column` lies in."""
        is_label = self.labels is not None and column == "label"
        file = self.labels.path if is_label and self.labels is not None else self.images.path
        return [Place(file, "row", chunk.start + row, None) for row in rows]
