"""Rows of CSV files that name images by their paths."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shardmill.errors import ImageFileError
from shardmill.raw.array_source import ArraySource
from shardmill.raw.csv.csv_source import CsvFileChunk, CsvSource
from shardmill.raw.decode_image import ImageFault
from shardmill.raw.image_folder import ENDINGS, is_passed_over
from shardmill.raw.image_form import ImageForm
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_images import read_images, settle_form
from shardmill.raw.row_source import Place, ReadRows, SourceColumns
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.raw_file import ImagePaths
from shardmill.recipe.splits import Split
from shardmill.store.mounts import some_here

# A chunk of a CSV file is parsed again for each chunk of its images, so it is small.
_CSV_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class PathsChunk:
    """Rows `[start, stop)` of a chunk of a CSV file.

    Attributes:
        rows: The chunk of the CSV file.
        start, stop: Which of its rows are meant.
        bytes: How many bytes their images take when they are decoded.
    """

    rows: CsvFileChunk
    start: int
    stop: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PathsSource:
    """The images that CSV files name.

    Attributes:
        csv: The CSV files.
        folders: The folder that the paths of each CSV file begin in.
        paths: Where in a row the path is.
        form: What the images are brought to.
    """

    csv: CsvSource
    folders: tuple[Path, ...]
    paths: ImagePaths
    form: ImageForm

    @classmethod
    def of_split(
        cls,
        recipe: AnyRecipe,
        split: Split,
        raw: Mapping[str, tuple[RawContent, ...]],
        columns: SourceColumns,
    ) -> "PathsSource | CsvSource":
        """Return the rows of a split that has CSV files of paths; without images if none is wanted.

        Raises:
            ImageFileError: No image of train can be read, and the recipe states no form of images.
        """
        assert isinstance(recipe, ImageRecipe)  # noqa: S101  no other recipe has paths
        assert recipe.paths is not None  # noqa: S101  the recipe was validated
        csv = CsvSource.of_split(recipe, split, raw, columns)
        if recipe.paths.column not in columns.inputs:
            return csv
        train = recipe.splits["train"]
        first = CsvSource.of_split(recipe, train, raw, columns)
        files = _files(first, _folders(recipe.paths, train, raw), recipe.paths)
        try:
            form = settle_form(recipe, files)
        except ImageFault as fault:
            facts = {"expected": fault.expected, "found": fault.found, "fix": fault.fix}
            raise ImageFileError(first.files()[0].path, **facts) from None
        return cls(csv, _folders(recipe.paths, split, raw), recipe.paths, form)

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
        return sum(chunk.bytes for chunk in self.chunks(_CSV_BYTES))

    def files(self) -> tuple[RawContent, ...]:
        """Return the CSV files."""
        return self.csv.files()

    def failing(self) -> "PathsSource":
        """Return the same rows, of which the first bad one is an error whatever the recipe says."""
        return replace(self, csv=self.csv.failing())

    def chunks(self, chunk_bytes: int) -> Iterator[PathsChunk]:
        """Yield chunks of about `chunk_bytes` bytes of decoded images."""
        for rows in self.csv.chunks(_CSV_BYTES):
            yield from self._cut(rows, 0, chunk_bytes)

    def rest(self, chunk: PathsChunk, chunk_bytes: int) -> Iterator[PathsChunk]:
        """Yield the chunks of the same file that come after a chunk."""
        if chunk.stop:
            yield from self._cut(chunk.rows, chunk.stop, chunk_bytes)
        for rows in self.csv.rest(chunk.rows, _CSV_BYTES):
            yield from self._cut(rows, 0, chunk_bytes)

    def _cut(self, rows: CsvFileChunk, first: int, chunk_bytes: int) -> Iterator[PathsChunk]:
        count = len(self.csv.read(rows).table)
        at_a_time = max(1, chunk_bytes // self.form.bytes)
        # A chunk whose rows are all bad is a chunk, too.
        for start in range(first, count if first else max(count, 1), at_a_time):
            stop = min(start + at_a_time, count)
            yield PathsChunk(rows, start, stop, (stop - start) * self.form.bytes)

    def read(self, chunk: PathsChunk) -> ReadRows:
        """Return the columns `image` and `fault`, and those of the CSV file as strings."""
        table, bad, untaken = self.csv.read(chunk.rows)
        table = table.slice(chunk.start, chunk.stop - chunk.start)
        names = table.column(self.paths.column).to_pylist()
        folder = self.folders[chunk.rows.file]
        files = [_file(folder, name, self.paths.suffix) for name in names]
        inside = [str(file.relative_to(folder)) for file in files if isinstance(file, Path)]
        place = some_here(folder, inside)
        if place != folder:
            files = [_file(place, name, self.paths.suffix) for name in names]
        others = [name for name in table.column_names if name != self.paths.column]
        columns = {name: table.column(name).combine_chunks() for name in others}
        images = read_images(files, self.form, names=names, **columns)
        return ReadRows(images, bad, untaken) if chunk.start == 0 else ReadRows(images, [])

    def places(self, chunk: PathsChunk, rows: Sequence[int], column: str) -> list[Place]:
        """Return the lines of some rows of a chunk in their CSV file."""
        return self.csv.places(chunk.rows, [chunk.start + row for row in rows], column)


def _folders(
    paths: ImagePaths, split: Split, raw: Mapping[str, tuple[RawContent, ...]]
) -> tuple[Path, ...]:
    return tuple(
        raw[paths.folder_of(file).path][0].path for file in split.files() for _ in raw[file.path]
    )


def _files(csv: CsvSource, folders: Sequence[Path], paths: ImagePaths) -> Iterator[Path]:
    for rows in csv.chunks(_CSV_BYTES):
        for name in csv.read(rows).table.column(paths.column).to_pylist():
            file = _file(folders[rows.file], name, paths.suffix)
            if isinstance(file, Path):
                yield file


def _file(folder: Path, name: str, suffix: str) -> Path | ImageFault:
    """Return the file of a path in a cell, if it is one of those that the folder's hash covers."""
    path, fix = f"{name.strip()}{suffix}", "correct the path, or the table paths of the recipe"
    parts = path.split("/")
    if "\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts):
        expected = "a relative path with forward slashes, below the folder of images"
        return ImageFault(expected, repr(path), fix)
    if not path.lower().endswith(ENDINGS) or any(map(is_passed_over, parts)):
        return ImageFault(f"the path of an image ({', '.join(ENDINGS)})", repr(path), fix)
    return folder / path
