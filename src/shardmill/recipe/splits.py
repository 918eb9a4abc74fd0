"""The splits of a recipe, and the raw files that they name."""

import json
from fractions import Fraction
from functools import partial
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    TypeAdapter,
    WrapValidator,
    field_validator,
    model_validator,
)

from shardmill.recipe.csv_options import (
    Comment,
    Csv,
    Delimiter,
    Dialect,
    Encoding,
    Lines,
    Sign,
)
from shardmill.recipe.names import Name, distinct
from shardmill.recipe.raw_file import (
    ArrayFile as ArrayFile,
    ImageFolder as ImageFolder,
    RawFile as RawFile,
)
from shardmill.strict import Strict


def _values(value: Any) -> Any:
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
        raise ValueError("must be a text, or a list of texts")
    if padded := [v for v in values if v != v.strip()]:
        raise ValueError(f"{padded[0]!r} has white space around it, which is cut off cells")
    return distinct(tuple(values))


_VALUES = BeforeValidator(_values, json_schema_input_type=str | tuple[str, ...])
Values = Annotated[tuple[str, ...], Field(min_length=1), _VALUES]


class RowFile(RawFile):
    """One file of rows with named columns, or all that match a pattern.

    Attributes:
        where: The values that columns have in the rows of the split, by column. Other rows of the
            file belong to other splits, or to none.
    """

    where: Annotated[dict[str, Values], Field(min_length=1)] | None = None

    def is_apart(self, other: "RowFile") -> bool:
        """Say whether `where` gives this and another file no row that both could have."""
        own, others = self.where or {}, other.where or {}
        return any(set(v).isdisjoint(others.get(name, v)) for name, v in own.items())

    def published(self) -> RawFile:
        """Return what is the same for all splits that take rows of the file."""
        return RawFile(path=self.path, urls=self.urls, checksum=self.checksum, rows=self.rows)


class CsvFile(RowFile):
    """One CSV file, or all that match a pattern. Keys of `Csv` hold for it instead of [csv]'s.

    Attributes:
        header: Whether the first row names the columns; see `Dialect` for all that follow.
        delimiter: What is between fields.
        quote: The quote.
        escape: The escape.
        comment: What lines that are no rows begin with.
        skip_rows: How many lines stand before the header or the first row.
        skip_space: Whether spaces before a field are left out.
        trailing_delimiter: Whether a row may end in a delimiter.
        encoding: The encoding of the file.
    """

    header: bool | None = None
    delimiter: Delimiter | None = None
    quote: Sign | None = None
    escape: Sign | None = None
    comment: Comment | None = None
    skip_rows: Lines | None = None
    skip_space: bool | None = None
    trailing_delimiter: bool | None = None
    encoding: Encoding | None = None

    def options(self, csv: Csv) -> Csv:
        """Return how to read the file.

        Args:
            csv: What holds where the file says nothing of its own.

        Raises:
            ValidationError: The keys do not fit together.
        """
        own = {key: getattr(self, key) for key in Dialect.model_fields}
        own = {key: value for key, value in own.items() if value is not None}
        if not own:
            return csv
        return Csv.model_validate({key: getattr(csv, key) for key in csv.model_fields_set} | own)


def _one_or_several(file_class: type[RowFile], several: TypeAdapter[Any]) -> WrapValidator:
    """Return a check of one file, or of several."""
    return WrapValidator(partial(_checked_files, file_class, several))


def _checked_files(
    file_class: type[RowFile], several: TypeAdapter[Any], value: Any, _handler: object
) -> Any:
    # A union of both would report the faults of each under names that are not in the recipe. The
    # values go through JSON for the reason that `parse_recipe` gives.
    if isinstance(value, dict):
        return file_class.model_validate_json(json.dumps(value))
    if isinstance(value, list | tuple):
        facts = [file.model_dump() if isinstance(file, RowFile) else file for file in value]
        return several.validate_json(json.dumps(facts))
    if value is None or isinstance(value, file_class):
        return value
    raise ValueError("must be a table, or a list of tables")


_CSV_FILES = TypeAdapter(Annotated[tuple[CsvFile, ...], Field(min_length=1)])
_ROW_FILES = TypeAdapter(Annotated[tuple[RowFile, ...], Field(min_length=1)])
CsvFiles = Annotated[CsvFile | tuple[CsvFile, ...] | None, _one_or_several(CsvFile, _CSV_FILES)]
RowFiles = Annotated[RowFile | tuple[RowFile, ...] | None, _one_or_several(RowFile, _ROW_FILES)]
ROW_FORMATS = ("csv", "parquet", "arrow", "jsonl")


class HoldOut(Strict):
    """Rows that are taken from another split.

    Attributes:
        split: The split that gives the rows up.
        fraction: The share of its rows, at most half. Each class of each part of its files gives
            this share, to within a block of rows (see `shardmill.pipeline.stages.hold_out`).
        stratify: Whether to hold out the same share of every class. Groups are not stratified.
        seed: The seed of the draw.
        group: A column of CSV files. Rows with the same cell there are all held out, or none is.
            Each group is drawn with the probability `fraction`.
        last: Whether the last rows are held out, in the order of the files, instead of rows that
            are drawn.
    """

    split: Name
    fraction: Annotated[float, Field(ge=0.001, le=0.5)]
    stratify: bool = True
    seed: Annotated[int, Field(ge=0)] = 0
    group: str | None = None
    last: bool = False

    @model_validator(mode="after")
    def _last_rows_are_not_drawn(self) -> Self:
        drawn = [key for key in ("stratify", "seed", "group") if key in self.model_fields_set]
        if self.last and drawn:
            raise ValueError(f"{drawn[0]}: the last rows are not drawn, so leave it out")
        return self

    @model_validator(mode="after")
    def _groups_have_no_classes(self) -> Self:
        if self.group is not None and self.stratify and "stratify" in self.model_fields_set:
            raise ValueError("stratify: a group may have rows of several classes, so leave it out")
        return self

    def ratio(self) -> Fraction:
        """Return the fraction with a denominator of at most 1,000."""
        return Fraction(self.fraction).limit_denominator(1000)


class Split(Strict):
    """Rows that belong together. They have files of their own, or are held out of another split.

    Attributes:
        csv: A CSV file, or several in the order of their rows.
        parquet: A Parquet file, or several.
        arrow: A file in Arrow's IPC format, or several: a file, which is called Feather too, or a
            stream.
        jsonl: A file of JSON Lines, or several: a JSON object on each line.
        images: An array of images.
        labels: An array of their labels.
        folder: A folder of images, which lie in folders named by their classes.
        hold_out: Which rows of another split are held out for this one.
        optional: Whether the split is left out if its files are missing.
        labelled: Whether the rows have targets.
    """

    csv: CsvFiles = None
    parquet: RowFiles = None
    arrow: RowFiles = None
    jsonl: RowFiles = None
    images: ArrayFile | None = None
    labels: ArrayFile | None = None
    folder: ImageFolder | None = None
    hold_out: HoldOut | None = None
    optional: bool = False
    labelled: bool = True

    def files(self) -> tuple[RawFile, ...]:
        """Return the raw files of this split, none if it is held out of another one."""
        own = [file for file in (self.images, self.labels, self.folder) if file is not None]
        return (*(file for key in ROW_FORMATS for file in self.row_files(key)), *own)

    def row_files(self, key: str) -> tuple[RowFile, ...]:
        """Return the files of rows of one format, by its key, such as `csv`."""
        files: RowFile | tuple[RowFile, ...] | None = getattr(self, key)
        if files is None:
            return ()
        return files if isinstance(files, tuple) else (files,)

    def input_files(self) -> tuple[RawFile, ...]:
        """Return the raw files that hold more than labels."""
        return tuple(file for file in self.files() if file is not self.labels)

    def hold_out_of(self, split: str) -> bool:
        """Say whether the rows are held out of this other split."""
        return self.hold_out is not None and self.hold_out.split == split

    @field_validator(*ROW_FORMATS)
    @classmethod
    def _files_are_distinct(cls, files: RowFiles) -> RowFiles:
        distinct(tuple(file.path for file in files) if isinstance(files, tuple) else ())
        return files
