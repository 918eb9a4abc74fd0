"""The raw files that a recipe names."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shardmill.recipe.names import Count, Names
from shardmill.strict import Strict, spelt

CHECKSUM = spelt(
    "sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", "sha256: and 64 hexadecimal digits, or md5: and 32"
)


def _below_raw(path: str) -> str:
    parts = path.split("/")
    if "\\" in path or ":" in path or any(part in ("", ".", "..") for part in parts):
        raise ValueError("must be a relative path with forward slashes, below the raw folder")
    if _is_pattern("/".join(parts[:-1])):
        raise ValueError("may have * and ? in its last part alone")
    return path


def _is_pattern(path: str) -> bool:
    return "*" in path or "?" in path


class RawFile(Strict):
    """One raw file, or all files that match a pattern.

    Attributes:
        path: The path of the file below the raw folder. In its last part `*` stands for any
            characters and `?` for any single one. The path then stands for all files that match.
        urls: Where the file is published. Mirrors are tried in turn.
        checksum: The checksum of the published content after decompression: `sha256:` or `md5:`
            followed by hexadecimal digits.
        rows: How many rows the published file has.
    """

    path: Annotated[str, AfterValidator(_below_raw)]
    urls: tuple[str, ...] = ()
    checksum: Annotated[str, CHECKSUM] | None = None
    rows: Count | None = None

    @property
    def is_pattern(self) -> bool:
        """Whether the path stands for any number of files."""
        return _is_pattern(self.path)

    @property
    def algorithm(self) -> str | None:
        """What the checksum was taken with, `sha256` or `md5`; None without a checksum."""
        return None if self.checksum is None else self.checksum.partition(":")[0]

    @model_validator(mode="after")
    def _pattern_has_no_facts(self) -> Self:
        if self.is_pattern and (self.urls or self.checksum or self.rows):
            raise ValueError("a path with * or ? has no urls, checksum or rows")
        return self

    def published(self) -> "RawFile":
        """Return what is the same for all splits that name the file."""
        return self


class ArrayFile(RawFile):
    """One file with an array of rows: IDX, or the `.npy` or `.npz` of numpy.

    Attributes:
        array: The name of the array in an `.npz`; None if it has only one.
    """

    array: Annotated[str, Field(min_length=1)] | None = None

    def published(self) -> RawFile:
        """Return what is the same for all splits that name the file, whose arrays may differ."""
        if self.array is None:
            return self
        return RawFile(path=self.path, urls=self.urls, checksum=self.checksum)

    @model_validator(mode="after")
    def _no_pattern(self) -> Self:
        if self.is_pattern:
            raise ValueError("must be one file, without * or ?")
        return self


class ImageFolder(RawFile):
    """A folder of images, each in a file of its own. It has the path of the folder."""

    @model_validator(mode="after")
    def _one_folder_without_facts(self) -> Self:
        if self.is_pattern or self.urls or self.checksum or self.rows:
            raise ValueError(
                "must be one folder, without * or ?, and has no urls, checksum or rows"
            )
        return self


class ImagePaths(Strict):
    """How CSV files name the images of their rows.

    Attributes:
        column: The column with the path of the image.
        folder: The folder that paths begin in, below the raw folder; None if they begin in the
            folder of their CSV file.
        suffix: What is to be added to each path, such as ".jpg".
        columns: All columns of the CSV files, in order, if these have no header.
    """

    column: str
    folder: Annotated[str, AfterValidator(_below_raw)] | None = None
    suffix: str = ""
    columns: Names | None = None

    def folder_of(self, file: RawFile) -> ImageFolder:
        """Return the folder of the images that a CSV file names; "." stands for the raw folder."""
        path = self.folder or file.path.rpartition("/")[0] or "."
        return ImageFolder.model_construct(path=path, urls=(), checksum=None, rows=None)
