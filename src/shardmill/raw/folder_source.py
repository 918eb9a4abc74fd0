"""Rows of images that lie in folders, which are named by their classes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from shardmill.errors import ImageFileError, UnknownClassError
from shardmill.faults import hint
from shardmill.format.arrow_arrays import string_array
from shardmill.raw.array_source import ArraySource
from shardmill.raw.decode_image import ImageFault
from shardmill.raw.image_folder import ImageList, class_of, list_images
from shardmill.raw.image_form import ImageForm
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_images import read_images, settle_form
from shardmill.raw.row_source import Place, ReadRows, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.names import listed
from shardmill.recipe.splits import Split
from shardmill.store.mounts import some_here


@dataclass(frozen=True, slots=True)
class FolderChunk:
    """Some images of a folder.

    Attributes:
        start: How many images come before them.
        paths: Their paths below the folder.
        bytes: How many bytes they take when they are decoded.
    """

    start: int
    paths: tuple[str, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The images of a folder.

    Attributes:
        folder: The folder.
        form: What the images are brought to.
        images: How many there are.
        labelled: Whether they lie in folders that are named by their classes.
        only: The path of the only image that is meant; None if all are.
        named: Whether there is a column `file` with their paths.
    """

    folder: RawContent
    form: ImageForm
    images: int
    labelled: bool
    only: str | None = None
    named: bool = False

    @classmethod
    def to_predict(cls, path: Path, form: ImageForm, *, named: bool) -> "FolderSource":
        """Return the images to predict in a folder, or a file with one.

        Args:
            path: The folder or the file.
            form: What the model takes.
            named: Whether their paths are wanted as a column `file`.

        Raises:
            ImageFileError: The folder holds other files, or no images.
        """
        if not path.is_dir():
            folder = RawContent(path.parent, 0, "", None, (), path.parent)
            return cls(folder, form, 1, labelled=False, only=path.name, named=named)
        images = list_images(path)
        images.check_alone()
        if not images.images:
            fix = "check the path"
            raise ImageFileError(path, expected="a folder of images", found="none in it", fix=fix)
        folder = RawContent(path, images.stat[0], "", None, images.stat, path)
        return cls(folder, form, len(images.images), labelled=False, named=named)

    @classmethod
    def of_split(
        cls,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        columns: SourceColumns,
    ) -> "FolderSource":
        """Return the rows of a split that has a folder of images.

        Raises:
            ImageFileError: There are other files in the folder, or no image can be read, or one is
                not in a folder of its class.
            UnknownClassError: A folder is named by no class.
        """
        assert isinstance(recipe, ImageRecipe)  # noqa: S101  no other recipe has folders
        assert split.folder is not None  # noqa: S101  the recipe was validated
        (folder,) = raw[split.folder.path]
        images = list_images(folder.path)
        images.check_alone()
        labelled = split.labelled and bool(columns.targets)
        if labelled:
            _check_classes(recipe, images)
        form = _form(recipe, raw)
        return cls(folder, form, len(images.images), labelled)

    @classmethod
    def of_file(cls, recipe: AnyRecipe, file: RawContent, columns: SourceColumns) -> ArraySource:
        """Return the rows of an array to predict. Images in files of their own need a form.

        Raises:
            InputError: The array cannot be read; see `read_array_header`.
        """
        return ArraySource.of_file(recipe, file, columns)

    @property
    def bytes(self) -> int:
        """How many bytes the images take when they are decoded."""
        return self.images * self.form.bytes

    def files(self) -> tuple[RawContent, ...]:
        """Return the folder."""
        return (self.folder,)

    def failing(self) -> "FolderSource":
        """Return the same rows. None is bad before its image is looked at."""
        return self

    def chunks(self, chunk_bytes: int) -> Iterator[FolderChunk]:
        """Yield chunks of about `chunk_bytes` bytes of decoded images."""
        yield from self._chunks(0, chunk_bytes)

    def rest(self, chunk: FolderChunk, chunk_bytes: int) -> Iterator[FolderChunk]:
        """Yield the chunks that come after a chunk."""
        yield from self._chunks(chunk.start + len(chunk.paths), chunk_bytes)

    def _chunks(self, first: int, chunk_bytes: int) -> Iterator[FolderChunk]:
        paths = [self.only] if self.only is not None else self._paths()
        rows = max(1, chunk_bytes // self.form.bytes)
        for start in range(first, len(paths), rows):
            chosen = tuple(paths[start : start + rows])
            yield FolderChunk(start, chosen, len(chosen) * self.form.bytes)

    def _paths(self) -> list[str]:
        return [image.path for image in list_images(self.folder.path).images]

    def read(self, chunk: FolderChunk) -> ReadRows:
        """Return the columns `image`, `label` and `file` if they are wanted, and `fault`."""
        columns: dict[str, pa.Array] = {}
        if self.labelled:
            columns["label"] = string_array([class_of(path) for path in chunk.paths])
        if self.named:
            columns["file"] = string_array(chunk.paths)
        folder = some_here(self.folder.path, chunk.paths)
        files = [folder / path for path in chunk.paths]
        return ReadRows(read_images(files, self.form, **columns), [])

    def places(self, chunk: FolderChunk, rows: Sequence[int], column: str) -> list[Place]:  # noqa: ARG002
        """Return the files of some images of a chunk."""
        folder = self.folder.path
        return [Place(folder / chunk.paths[row], "", chunk.start + row, None) for row in rows]


def _form(recipe: ImageRecipe, raw: Mapping[str, tuple[RawContent, ...]]) -> ImageForm:
    train = recipe.splits["train"].folder
    assert train is not None  # noqa: S101  the splits of a recipe are all folders
    (folder,) = raw[train.path]
    paths = (folder.path / image.path for image in list_images(folder.path).images)
    try:
        return settle_form(recipe, paths)
    except ImageFault as fault:
        raise ImageFileError(
            folder.path, expected=fault.expected, found=fault.found, fix=fault.fix
        ) from None


def _check_classes(recipe: ImageRecipe, images: ImageList) -> None:
    assert recipe.target is not None  # noqa: S101  the caller has looked
    known = recipe.target.labels()
    for name in images.classes():
        if name not in known:
            raise UnknownClassError(
                images.folder / name,
                expected=f"a folder that is named by one of the classes {listed(known)}",
                found=f"{name!r}",
                fix=hint(name, known, 'move it, or correct classes, which may be "learn"'),
            )
