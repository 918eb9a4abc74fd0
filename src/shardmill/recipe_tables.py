"""The tables of a recipe that are the same for every kind of dataset."""

from fractions import Fraction
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
CHECKSUM = r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$"
Count = Annotated[int, Field(ge=1)]
Text = TypeVar("Text", bound=str)


def _below_raw(path: str) -> str:
    parts = path.split("/")
    if "\\" in path or ":" in path or any(part in ("", ".", "..") for part in parts):
        raise ValueError("must be a relative path with forward slashes, below the raw folder")
    return path


def distinct(values: tuple[Text, ...]) -> tuple[Text, ...]:
    """Return `values`.

    Raises:
        ValueError: one of them stands there twice.
    """
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"named twice: {', '.join(twice)}")
    return values


Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]


class Section(BaseModel):
    """Base of every table of a recipe: unknown keys and wrong types are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RawFile(Section):
    """One raw file. Checksum, rows and size are those of the published content, decompressed.

    Attributes:
        path: where the file is below the raw folder.
        urls: where it is published; mirrors are tried in turn.
        checksum: of the published content after decompression, `sha256:` or `md5:` and hex.
        rows: of the published file.
    """

    path: Annotated[str, AfterValidator(_below_raw)]
    urls: tuple[str, ...] = ()
    checksum: Annotated[str, Field(pattern=CHECKSUM)] | None = None
    rows: Count | None = None


class HoldOut(Section):
    """A part of another split's rows.

    Attributes:
        split: the split that gives the rows up.
        fraction: share of its rows, at most half; of each class, exact within a block of rows
            (see `shardmill.pipeline.hold_out`).
        stratify: hold out the same share of every class.
        seed: of the draw.
    """

    split: Name
    fraction: Annotated[float, Field(ge=0.001, le=0.5)]
    stratify: bool = True
    seed: Annotated[int, Field(ge=0)] = 0

    def ratio(self) -> Fraction:
        """Return the fraction with a denominator of at most 1,000."""
        return Fraction(self.fraction).limit_denominator(1000)


class Split(Section):
    """Rows that belong together: read from a file of their own, or held out of another split."""

    csv: RawFile | None = None
    images: RawFile | None = None
    labels: RawFile | None = None
    hold_out: HoldOut | None = None
    optional: bool = False
    labelled: bool = True

    def files(self) -> tuple[RawFile, ...]:
        """Return the raw files of this split, none if it is held out of another one."""
        return tuple(file for file in (self.csv, self.images, self.labels) if file is not None)


class Csv(Section):
    """How to read the CSV files: UTF-8, RFC 4180 quotes, newlines allowed inside them.

    Attributes:
        header: the first row names the columns.
        delimiter: one ASCII character.
        missing: spellings of a missing cell, in tabular files.
    """

    header: bool = True
    delimiter: Annotated[str, Field(pattern=r"^[\t !#-~]$")] = ","
    missing: tuple[str, ...] = ("",)


class Target(Section):
    """What a model learns to tell.

    Attributes:
        classes: their names, in the order of their indices.
        first: the number that stands for the first class in the raw file; None if the raw file
            holds the names.
    """

    classes: Names
    first: int | None = None


class ColumnTarget(Target):
    """A target that is a column of a CSV file."""

    column: str


class TableTarget(Section):
    """A target of a table: a class where there are classes, otherwise a number, float32.

    Attributes:
        classes, first: see `Target`.
    """

    classes: Names | None = None
    first: int | None = None


class TableColumnTarget(TableTarget):
    """The only target of a table."""

    column: str


class ImageTarget(Target):
    """A target that is an IDX file of labels."""

    first: int = 0
