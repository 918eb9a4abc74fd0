"""Recipes of images: arrays of them, or images in files of their own, and their labels."""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, WrapValidator, model_validator

from shardmill.recipe.csv_options import Csv
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.raw_file import ImagePaths
from shardmill.recipe.recipe import Recipe, without_faults
from shardmill.recipe.splits import CsvFile, RawFile, Split
from shardmill.recipe.targets import ColumnTarget, ImageTarget, Target

Resize = Literal["stretch", "crop", "pad"]
Background = Literal["black", "white"]
Pixels = Annotated[int, Field(ge=1, le=10_000)]

# The keys that say how files with an image each are read.
_OF_FILES = ("size", "resize", "channels", "background")


def _target(value: Any, _handler: object, info: ValidationInfo) -> Any:
    # Which keys a target has depends on where the labels are. A union would report the faults of
    # each kind. The values go through JSON for the reason that `parse_recipe` gives.
    if value is None or isinstance(value, Target):
        return value
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    splits = info.data.get("splits")
    if splits is None:  # it has faults, which are reported
        return None
    model = Target if _has_key(splits, "folder") else ImageTarget
    model = ColumnTarget if _has_key(splits, "csv") else model
    return model.model_validate_json(json.dumps(value))


def _has_key(splits: Mapping[str, Split], key: str) -> bool:
    return any(getattr(split, key) is not None for split in splits.values())


class ImageRecipe(Recipe):
    """Images, or rows of any other shape, and their labels.

    They are arrays with a row for each image, or images in files of their own.

    Attributes:
        layout: Where the channels of an image are in arrays: "chw" if they come first, as torch
            wants them, or "hwc" if they come last. They are stored first.
        transpose: Whether the images in the files have their columns for rows, as those of EMNIST.
            They are stored the right way round.
        size: The height and width that images in files of their own are brought to; None if all
            have the size of the first one.
        resize: How: "stretch" changes the ratio of the sides; "crop" makes the image as small as
            fills the size and takes its middle; "pad" makes it as large as fits in and puts black
            around it. None if an image of another size is a bad row.
        channels: "grey" for one channel or "rgb" for three; None for as many as the first image
            has.
        background: What transparent images are laid on; None if they are bad rows.
        paths: How CSV files name the images of their rows; None if there are none.
        csv: How to read these CSV files.
        target: What the labels are; None without labels.
    """

    kind: Literal["image"]
    layout: Literal["chw", "hwc"] = "chw"
    transpose: bool = False
    size: tuple[Pixels, Pixels] | None = None
    resize: Resize | None = None
    channels: Literal["grey", "rgb"] | None = None
    background: Background | None = None
    paths: ImagePaths | None = None
    csv: Csv | None = None
    target: Annotated[ImageTarget | ColumnTarget | Target | None, WrapValidator(_target)] = None

    @property
    def has_files(self) -> bool:
        """Whether each image is in a file of its own."""
        return _has_key(self.splits, "folder") or _has_key(self.splits, "csv")

    def row_files(self) -> tuple[RawFile, ...]:
        """Return the raw files that hold rows, and the folders of images that CSV files name."""
        files = super().row_files()
        if self.paths is None:
            return files
        folders = [self.paths.folder_of(file) for file in files if isinstance(file, CsvFile)]
        return (*files, *{folder.path: folder for folder in folders}.values())

    def csv_options(self, file: RawFile | None = None) -> Csv | None:
        """Return how to read a CSV file of paths; None if it is none, or the recipe has none."""
        if self.paths is None or (file is not None and not isinstance(file, CsvFile)):
            return None
        file = file or next((f for f in self.row_files() if isinstance(f, CsvFile)), None)
        if file is None:
            return None
        options = file.options(self.csv or Csv())
        rules = {key: getattr(self.rows, key) for key in self.rows.model_fields_set}
        if options.header:
            rules["other_columns"] = "ignore"
        return options.model_copy(update=rules)

    def number_format(self) -> NumberFormat:
        """Return how a target of a CSV file that is a number is written."""
        csv = self.csv or Csv()
        return NumberFormat.of(None, csv.thousands, default=csv.decimal, prefix=None, suffix=None)

    def stored_shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a row in `x`, of a row of this shape in a raw file.

        Example:
            >>> ImageRecipe.model_construct(layout="hwc").stored_shape((28, 30, 3))
            (3, 28, 30)
        """
        if len(raw) not in (2, 3):
            return raw
        if len(raw) == 2:
            channels, *size = 1, *raw
        elif self.layout == "hwc":
            *size, channels = raw
        else:
            channels, *size = raw
        return (channels, *(size[::-1] if self.transpose else size))

    def raw_shapes(self, stored: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the shapes that a row of this shape in `x` may have in raw files."""
        if len(stored) != 3:
            return [stored]
        channels, *size = stored
        size = size[::-1] if self.transpose else size
        whole = (*size, channels) if self.layout == "hwc" else (channels, *size)
        return [whole, tuple(size)] if channels == 1 else [whole]

    def takes_rank(self, rank: int) -> bool:
        """Say whether rows of so many dimensions in a raw file can have this layout."""
        if self.layout == "hwc":
            return rank == 3
        return rank in (2, 3) or not self.transpose

    def all_targets(self) -> Mapping[str, Target]:
        """Return the target, if there is one, by the column that holds it."""
        if isinstance(self.target, ColumnTarget):
            return {self.target.raw_columns()[0]: self.target}
        return {} if self.target is None else {"label": self.target}

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        return without_faults(self, list(self._faults()))

    def _faults_of_paths(self, has_csv: bool) -> Iterator[str]:
        if has_csv != (self.paths is not None):
            yield "paths: missing, CSV files need it" if has_csv else "paths: needs CSV files"
        if self.csv is None:
            return
        for key in ("missing", "other_columns"):
            if key in self.csv.model_fields_set:
                yield f"csv.{key}: means nothing to images, so leave it out"

    def _folders_in_folders(self) -> Iterator[str]:
        folders = {n: s.folder.path for n, s in self.splits.items() if s.folder is not None}
        for (name, path), (other, second) in combinations(folders.items(), 2):
            if f"{second}/".startswith(f"{path}/") or f"{path}/".startswith(f"{second}/"):
                yield f"splits.{other}.folder: has images that are in the folder of {name}, too"

    def _faults(self) -> Iterator[str]:
        stated = self.model_fields_set
        ways = {key for key in ("images", "folder", "csv") if _has_key(self.splits, key)}
        if len(ways) > 1:
            found = " and ".join(sorted(ways))
            yield f"splits: all must have their images in one way, not in {found}"
        yield from self._folders_in_folders()
        for key in _OF_FILES:
            if key in stated and not self.has_files:
                yield f"{key}: needs images in files of their own"
        for key in ("layout", "transpose"):
            if self.has_files and key in stated:
                yield f"{key}: is for arrays of images"
        if self.resize is not None and self.size is None:
            yield "resize: needs size"
        yield from self._faults_of_paths("csv" in ways)
        by_folder = "folder" in ways and self.target is not None
        if by_folder and self.target is not None and self.target.classes is None:
            yield "target.classes: missing, the folders are named by them"
