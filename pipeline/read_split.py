"""Streams the raw rows of a split, whatever their kind, and names the place of each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from shardmill.errors import RowCountError
from shardmill.image_recipe import ImageRecipe
from shardmill.kinds.image import tensor_column
from shardmill.pipeline.raw_files import RawContent
from shardmill.pipeline.read_csv import line_of_row, read_csv
from shardmill.pipeline.read_idx import batch_rows, read_idx, read_idx_header
from shardmill.recipe import AnyRecipe
from shardmill.recipe_tables import Split
from shardmill.tabular_recipe import TabularRecipe
from shardmill.text_recipe import TextRecipe


@dataclass(frozen=True, slots=True)
class SplitReader:
    """The raw rows of one split.

    Attributes:
        tables: yields them in order, a bounded number at a time.
        file: the file whose rows they are.
        label_file: the file of the column `label`, where that is another one.
        line_of: the line of row k from 0 in that file; None if it has no lines.
    """

    tables: Callable[[], Iterator[pa.Table]]
    file: Path
    line_of: Callable[[int], int] | None
    label_file: Path | None = None

    def place(self, row: int, column: str) -> str:
        """Return where a cell of row k, from 0, stands, for an error message."""
        if self.line_of is None:
            file = self.label_file if column == "label" else self.file
            return f"{file}, row {row}"
        return f"{self.file}, line {self.line_of(row)}"


def split_reader(recipe: AnyRecipe, split: Split, raw: Mapping[str, RawContent]) -> SplitReader:
    """Return the reader of a split that has files of its own.

    Args:
        recipe: of the dataset.
        split: one of its splits.
        raw: every raw file that was found, by its path in the recipe.
    """
    if isinstance(recipe, ImageRecipe):
        return _image_reader(split, raw)
    if isinstance(recipe, TabularRecipe):
        return _tabular_reader(recipe, split, raw)
    return _text_reader(recipe, split, raw)


def _tabular_reader(
    recipe: TabularRecipe, split: Split, raw: Mapping[str, RawContent]
) -> SplitReader:
    assert split.csv is not None  # noqa: S101  the recipe was validated
    path = raw[split.csv.path].path
    targets = recipe.all_targets()
    columns = [name for name in recipe.columns if split.labelled or name not in targets]
    wanted = [name for name in columns if name in recipe.features() or name in targets]

    def tables() -> Iterator[pa.Table]:
        return read_csv(path, columns=columns, wanted=wanted, options=recipe.csv, nulls=True)

    return SplitReader(tables, path, lambda row: line_of_row(path, row, recipe.csv))


def _text_reader(recipe: TextRecipe, split: Split, raw: Mapping[str, RawContent]) -> SplitReader:
    assert split.csv is not None  # noqa: S101  the recipe was validated
    path = raw[split.csv.path].path
    target = [recipe.target.column] if recipe.target is not None else []
    columns = [n for n in recipe.text.columns if split.labelled or n not in target]
    wanted = [n for n in columns if n in recipe.text.join or n in target]

    def tables() -> Iterator[pa.Table]:
        return read_csv(path, columns=columns, wanted=wanted, options=recipe.csv, nulls=False)

    return SplitReader(tables, path, lambda row: line_of_row(path, row, recipe.csv))


def _image_reader(split: Split, raw: Mapping[str, RawContent]) -> SplitReader:
    assert split.images is not None  # noqa: S101  the recipe was validated
    images = raw[split.images.path]
    image_header = read_idx_header(images.path, images.bytes)
    rows = batch_rows(image_header)
    if split.labels is None:

        def unlabelled() -> Iterator[pa.Table]:
            for batch in read_idx(images.path, image_header, rows=rows):
                yield pa.table({"image": tensor_column(batch)})

        return SplitReader(unlabelled, images.path, None)

    labels = raw[split.labels.path]
    label_header = read_idx_header(labels.path, labels.bytes)
    if label_header.shape != image_header.shape[:1]:
        raise RowCountError(
            labels.path,
            expected=f"one label for each of the {image_header.shape[0]:,} images of {images.path}",
            found=f"labels of shape {' x '.join(f'{n:,}' for n in label_header.shape)}",
            fix="check that both files belong together",
        )

    def labelled() -> Iterator[pa.Table]:
        batches = read_idx(images.path, image_header, rows=rows)
        numbers = read_idx(labels.path, label_header, rows=rows)
        for batch, label in zip(batches, numbers, strict=True):
            yield pa.table({"image": tensor_column(batch), "label": pa.array(label)})

    return SplitReader(labelled, images.path, None, label_file=labels.path)
