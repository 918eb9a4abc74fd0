"""Raw rows in, tensors out: the one object that builds shards and that serves predictions."""

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from shardmill.arrow_arrays import numpy_array
from shardmill.errors import ColumnsError, InputError, ManifestError
from shardmill.find_kind import find_kind
from shardmill.image_recipe import ImageRecipe
from shardmill.kinds.image import image_table
from shardmill.kinds.row import TARGET, Array, Cleaned, Fitted, Ragged, RowFault
from shardmill.layout import Field
from shardmill.load_vocab import load_vocab, read_checked
from shardmill.manifest import Manifest
from shardmill.recipe import RECIPE_KINDS, AnyRecipe
from shardmill.tabular_recipe import TabularRecipe
from shardmill.text_recipe import TextRecipe

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from shardmill.batch import Padded


def label_column(recipe: AnyRecipe) -> str | None:
    """Return the column of cleaned rows that holds the class index; None without a target."""
    if recipe.target is None:
        return None
    return recipe.target.column if isinstance(recipe, TabularRecipe) else "label"


class Preprocessor:
    """A recipe together with what was learnt from the train split.

    Example:
        >>> preprocessor = Preprocessor.load("artifacts/titanic")
        >>> x = preprocessor([{"Pclass": 3, "Sex": "male", "Age": None, ...}])  # [1, 7] float32
    """

    def __init__(self, recipe: AnyRecipe, fitted: Fitted) -> None:
        self.recipe = recipe
        self.fitted = fitted

    @classmethod
    def fit(cls, recipe: AnyRecipe, train: Iterable[pa.Table]) -> Self:
        """Learn from the cleaned rows of the train split, which are read once, in order."""
        kind = find_kind(recipe)
        return cls(recipe, kind.fit(recipe, (kind.draft(recipe, table)[1] for table in train)))

    @classmethod
    def load(cls, artifact: str | os.PathLike[str]) -> Self:
        """Return the preprocessor that built an artifact.

        Raises:
            ArtifactError: the artifact cannot be read.
        """
        manifest = Manifest.load(artifact)
        try:
            recipe = RECIPE_KINDS[manifest.kind].model_validate_json(json.dumps(manifest.recipe))
            field = next(f for f in manifest.splits["train"].fields if f.name == "x")
        except (ValidationError, KeyError, StopIteration) as error:
            raise ManifestError(
                artifact,
                expected="a recipe, and a split called train with a field x",
                found=f"{type(error).__name__}: {error}",
                fix="build the artifact again with `shardmill preprocess --force`",
            ) from None
        fitted = Fitted((field,), manifest.features, manifest.statistics)
        record = manifest.vocabulary
        if record is not None:
            tokenizer = None
            if record.vocab is None:
                tokenizer = read_checked(Path(artifact), record.tokenizer).decode()
            fitted = replace(
                fitted,
                vocab=load_vocab(Path(artifact), record),
                unknown=record.unknown,
                padding=record.padding,
                tokenizer=tokenizer,
            )
        return cls(recipe, fitted)

    def fields(self, *, labelled: bool) -> tuple[Field, ...]:
        """Return the fields of a shard: `x`, and `y` [n] int64 if there are labels."""
        has_target = labelled and self.recipe.target is not None
        return (*self.fitted.inputs, TARGET) if has_target else self.fitted.inputs

    def finish(self, drafted: pa.Table, key: Any, *, labelled: bool) -> dict[str, Array | Ragged]:
        """Return the fields of rows that `draft` of the kind has drafted, in order.

        Args:
            drafted: the rows.
            key: of the summary they came with, from `keys` of the kind.
            labelled: the rows have labels.
        """
        finish = find_kind(self.recipe).finish
        tensors: dict[str, Array | Ragged] = finish(self.recipe, self.fitted, drafted, key)
        label = label_column(self.recipe)
        if label is not None and labelled:
            tensors["y"] = numpy_array(drafted.column(label))
        return tensors

    def encode(self, cleaned: pa.Table, *, labelled: bool) -> dict[str, Array | Ragged]:
        """Return the fields of cleaned rows, in order."""
        kind = find_kind(self.recipe)
        drafted, summary = kind.draft(self.recipe, cleaned)
        (key,) = kind.keys(self.fitted, [summary])
        return self.finish(drafted, key, labelled=labelled)

    def __call__(
        self, rows: "pd.DataFrame | pa.Table | Sequence[Mapping[str, Any]] | Sequence[str] | Array"
    ) -> "Tensor | Padded":
        """Return the tensors of raw rows without labels, as the dataset of this kind gives them.

        Args:
            rows: tabular: a table, a DataFrame or a list of dicts with the raw columns (dropped
                ones may be missing); image: an array [n, h, w] or [n, *shape]; text: a list of
                texts, or a table or DataFrame with the columns that the recipe joins.

        Returns:
            tabular: [n, f] float32; image: [n, *shape]; text: Padded ids and lengths.

        Raises:
            InputError: a row is not what the recipe says, or would have been dropped.
        """
        try:
            kind = find_kind(self.recipe)
            cleaned: Cleaned = kind.clean(self.recipe, self._raw_table(rows), labelled=False)
            for fault in cleaned.faults:
                raise fault
        except RowFault as fault:
            raise fault.at(f"row {fault.row}") from None
        for row, reason in cleaned.dropped.items():
            raise InputError(
                f"row {row}",
                expected="a row that the recipe keeps",
                found=reason,
                fix="leave the row out, or fill the cell in",
            )
        return _to_torch(self, self.encode(cleaned.table, labelled=False)["x"])

    def _raw_table(self, rows: Any) -> pa.Table:
        if isinstance(self.recipe, ImageRecipe):
            return self._image_table(np.asarray(rows))
        if isinstance(self.recipe, TextRecipe):
            return self._text_table(self.recipe, rows)
        if isinstance(rows, list | tuple):
            # A key that a row does not have is a missing cell; one that no row has is a slip.
            _check_columns({key for row in rows for key in row}, self.recipe.features())
            columns = {n: [row.get(n) for row in rows] for n in self.recipe.features()}
        else:
            columns = _columns(rows, self.recipe.features())
        missing = self.recipe.csv.missing
        return pa.table(
            {n: pa.array([_cell(v, missing) for v in c], pa.string()) for n, c in columns.items()}
        )

    def _text_table(self, recipe: TextRecipe, rows: Any) -> pa.Table:
        names = recipe.text.join
        if isinstance(rows, list | tuple):
            # A text stands for all columns that are joined; the empty ones add spaces alone.
            columns = {names[0]: rows, **dict.fromkeys(names[1:], [""] * len(rows))}
        else:
            columns = {n: [v or "" for v in c] for n, c in _columns(rows, names).items()}
        for name, cells in columns.items():
            for row, cell in enumerate(cells):
                if not isinstance(cell, str):
                    raise _row_error(f"row {row}, {name}", "a text", repr(cell))
        return pa.table({n: pa.array(cells, pa.string()) for n, cells in columns.items()})

    def _image_table(self, rows: Array) -> pa.Table:
        (field,) = self.fitted.inputs
        shapes = [field.shape]
        if len(field.shape) == 3 and field.shape[0] == 1:
            shapes.append(field.shape[1:])  # [h, w] of [1, h, w]
        if rows.shape[1:] not in shapes or rows.dtype != field.dtype:
            expected = " or ".join(f"[n, {', '.join(map(str, shape))}]" for shape in shapes)
            found = f"{rows.dtype} of shape {list(rows.shape)}"
            raise _row_error("the rows", f"{field.dtype} of shape {expected}", found)
        return image_table(rows)


def _columns(rows: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """Return columns of a DataFrame or an Arrow table as lists."""
    if not isinstance(rows, pa.Table):
        if not hasattr(rows, "columns"):
            found = type(rows).__name__
            raise _row_error("the rows", "a list of rows, a DataFrame or an Arrow table", found)
        rows = pa.Table.from_pandas(rows, preserve_index=False)
    _check_columns(rows.column_names, names)
    return {name: rows.column(name).to_pylist() for name in names}


def _check_columns(found: Collection[str], names: Sequence[str]) -> None:
    absent = [name for name in names if name not in found]
    if absent:
        raise ColumnsError(
            "the rows",
            expected=f"the columns {', '.join(names)}",
            found=f"no {', '.join(absent)}",
            fix="add the columns, or rename them",
        )


def _cell(value: Any, missing: Sequence[str]) -> str | None:
    """Return a cell as a CSV file spells it; None if it is missing."""
    if value is None or type(value).__name__ == "NAType" or value != value or value in missing:
        return None  # pandas writes a missing number as NA or as NaN
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating) and abs(float(value)) < 2**53 and value == int(value):
        return str(int(value))  # pandas makes floats of integers when one of them is missing
    return str(value)


def _row_error(where: str, expected: str, found: str) -> InputError:
    return InputError(where, expected=expected, found=found, fix="give rows like the raw files'")


def _to_torch(preprocessor: Preprocessor, x: Array | Ragged) -> "Tensor | Padded":
    import torch  # only here: building shards needs no torch

    from shardmill.batch import pad

    if not isinstance(x, Ragged):
        return torch.from_numpy(np.array(x))
    sizes = torch.from_numpy(x.sizes.astype(np.int64))
    ids = torch.from_numpy(np.array(x.values))  # Arrow's memory is read-only
    return pad(ids, sizes, preprocessor.fitted.padding_id())
