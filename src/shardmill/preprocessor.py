"""Raw rows in, tensors out: the one object that builds shards and that serves predictions."""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from shardmill.errors import ColumnsError, InputError, ManifestError
from shardmill.image_recipe import ImageRecipe
from shardmill.kinds.row import Array, Cleaned, Fitted, Ragged, RowFault
from shardmill.layout import Field
from shardmill.load_vocab import load_vocab
from shardmill.manifest import Manifest
from shardmill.recipe import RECIPE_KINDS, AnyRecipe
from shardmill.tabular_column import Column
from shardmill.tabular_recipe import TabularRecipe
from shardmill.text_recipe import TextRecipe

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from shardmill.batch import Padded


def kind_of(recipe: AnyRecipe) -> ModuleType:
    """Return the module of a recipe's kind: none is loaded before it is needed."""
    return import_module(f"shardmill.kinds.{recipe.kind}")


def clean(recipe: AnyRecipe, raw: pa.Table, *, labelled: bool) -> Cleaned:
    """Return the cleaned rows of `raw`; see `clean` of the recipe's kind."""
    cleaned: Cleaned = kind_of(recipe).clean(recipe, raw, labelled=labelled)
    return cleaned


def draft(recipe: AnyRecipe, cleaned: pa.Table) -> tuple[pa.Table, Any]:
    """Return what `finish` takes for cleaned rows, and what `fit` takes; see the recipe's kind."""
    drafted: tuple[pa.Table, Any] = kind_of(recipe).draft(recipe, cleaned)
    return drafted


def target_fields(recipe: AnyRecipe) -> tuple[Field, ...]:
    """Return the fields of the targets: `y`, or `y.<column>` where there are several."""
    fields: tuple[Field, ...] = kind_of(recipe).targets(recipe)
    return fields


def encode_targets(recipe: AnyRecipe, cleaned: pa.Table) -> dict[str, Array]:
    """Return the target fields of cleaned rows with labels."""
    fields = zip(target_fields(recipe), kind_of(recipe).target_columns(recipe), strict=True)
    return {f.name: np.asarray(cleaned.column(column)).astype(f.dtype) for f, column in fields}


def label_column(recipe: AnyRecipe) -> str | None:
    """Return the column of cleaned rows that holds a class index: of several the first one's."""
    if not isinstance(recipe, TabularRecipe):
        return None if recipe.target is None else "label"
    return next((name for name, target in recipe.all_targets().items() if target.classes), None)


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
    def fit(cls, recipe: AnyRecipe, train: Iterator[pa.Table]) -> Self:
        """Learn from the cleaned rows of the train split, which are read once, in order."""
        return cls.from_summaries(recipe, (draft(recipe, cleaned)[1] for cleaned in train))

    @classmethod
    def from_summaries(cls, recipe: AnyRecipe, summaries: Iterable[Any]) -> Self:
        """Learn from what `draft` says of the train split, chunk by chunk, in order."""
        fitted: Fitted = kind_of(recipe).fit(recipe, summaries)
        return cls(recipe, fitted)

    @classmethod
    def load(cls, artifact: str | os.PathLike[str]) -> Self:
        """Return the preprocessor that built an artifact.

        Raises:
            ArtifactError: the artifact cannot be read.
        """
        manifest = Manifest.load(artifact)
        try:
            recipe = RECIPE_KINDS[manifest.kind].model_validate_json(json.dumps(manifest.recipe))
            fields = manifest.splits["train"].fields
            inputs = tuple(f for f in fields if f.name == "x" or f.name.startswith("x."))
            if not inputs:
                raise KeyError("x")
        except (ValidationError, KeyError) as error:
            raise ManifestError(
                artifact,
                expected="a recipe, and a split called train with a field x",
                found=f"{type(error).__name__}: {error}",
                fix="build the artifact again with `shardmill preprocess --force`",
            ) from None
        vocab = None
        if manifest.vocabulary is not None:
            vocab = load_vocab(Path(artifact), manifest.vocabulary)
        return cls(recipe, Fitted(inputs, manifest.features, manifest.statistics, vocab))

    def fields(self, *, labelled: bool) -> tuple[Field, ...]:
        """Return the fields of a shard: the inputs, and the targets if there are labels."""
        return self.fitted.inputs + (target_fields(self.recipe) if labelled else ())

    def finish(self, drafted: pa.Table, key: object = None) -> dict[str, Array | Ragged]:
        """Return the input fields of drafted rows, in order; see `finish` of the recipe's kind."""
        inputs: dict[str, Array | Ragged] = kind_of(self.recipe).finish(
            self.recipe, self.fitted, drafted, key
        )
        return inputs

    def encode(self, cleaned: pa.Table, *, labelled: bool) -> dict[str, Array | Ragged]:
        """Return the fields of cleaned rows, in order."""
        inputs = self.finish(draft(self.recipe, cleaned)[0])
        return inputs | (encode_targets(self.recipe, cleaned) if labelled else {})

    def __call__(
        self, rows: "pd.DataFrame | pa.Table | Sequence[Mapping[str, Any]] | Sequence[str] | Array"
    ) -> "Tensor | Padded | dict[str, Tensor]":
        """Return the tensors of raw rows without labels, as the dataset of this kind gives them.

        Args:
            rows: tabular: a table, a DataFrame or a list of dicts with the raw columns (dropped
                ones may be missing); image: an array [n, h, w] or [n, *shape]; text: a list of
                texts, or a table or DataFrame with the columns that the recipe joins.

        Returns:
            tabular: [n, f] float32, or a dict of tensors [n, f] by group; image: [n, *shape];
            text: Padded ids and lengths.

        Raises:
            InputError: a row is not what the recipe says, or would have been dropped.
        """
        try:
            cleaned = clean(self.recipe, self._raw_table(rows), labelled=False)
            for fault in cleaned.faults:
                raise fault
            # No row is left out before this, so the rows of a fault are those that were given.
            inputs = {} if cleaned.dropped else self.encode(cleaned.table, labelled=False)
        except RowFault as fault:
            raise fault.at(f"row {fault.row}") from None
        for row, reason in cleaned.dropped.items():
            raise InputError(
                f"row {row}",
                expected="a row that the recipe keeps",
                found=reason,
                fix="leave the row out, or fill the cell in",
            )
        return _to_torch(self, inputs)

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
        return pa.table(
            {
                name: pa.array([_cell(v, self.recipe, name) for v in cells], pa.string())
                for name, cells in columns.items()
            }
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
        from shardmill.kinds.image import tensor_column

        field = self.fitted.inputs[0]
        shapes = [field.shape]
        if len(field.shape) == 3 and field.shape[0] == 1:
            shapes.append(field.shape[1:])  # [h, w] of [1, h, w]
        if rows.shape[1:] not in shapes or rows.dtype != field.dtype:
            expected = " or ".join(f"[n, {', '.join(map(str, shape))}]" for shape in shapes)
            found = f"{rows.dtype} of shape {list(rows.shape)}"
            raise _row_error("the rows", f"{field.dtype} of shape {expected}", found)
        return pa.table({"image": tensor_column(rows)})


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


def _cell(value: Any, recipe: TabularRecipe, name: str) -> str | None:
    """Return a cell as a CSV file spells it; None if it is missing."""
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None  # pandas writes a missing value as NA, NaT or NaN
    column = recipe.columns[name]
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, date):  # and a datetime, and pandas' Timestamp, which are dates too
        return _time_cell(value, column)
    if value in recipe.csv.missing:
        return None
    if isinstance(value, bool | np.bool_):
        true, false = column.spellings()
        return str(int(value)) if column.true is None else (true if value else false)[0]
    if isinstance(value, float | np.floating) and abs(float(value)) < 2**53 and value == int(value):
        return str(int(value))  # pandas makes floats of integers when one of them is missing
    return str(value)


def _time_cell(value: date, column: Column) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is not None and column.dtype == "date":
            value = value.astimezone(UTC).replace(tzinfo=None)
        midnight = not (value.hour or value.minute or value.second or value.microsecond)
        if column.dtype == "date" and midnight:
            value = value.date()
    return value.isoformat() if column.format is None else value.strftime(column.format)


def _row_error(where: str, expected: str, found: str) -> InputError:
    return InputError(where, expected=expected, found=found, fix="give rows like the raw files'")


def _to_torch(
    preprocessor: Preprocessor, inputs: Mapping[str, Array | Ragged]
) -> "Tensor | Padded | dict[str, Tensor]":
    import torch  # only here: building shards needs no torch

    from shardmill.batch import pad

    if "x" not in inputs:
        return {name[2:]: torch.from_numpy(np.array(x)) for name, x in inputs.items()}
    x = inputs["x"]
    if not isinstance(x, Ragged):
        return torch.from_numpy(np.array(x))
    vocab = preprocessor.fitted.vocab
    assert vocab is not None and isinstance(preprocessor.recipe, TextRecipe)  # noqa: S101
    sizes = torch.from_numpy(x.sizes.astype(np.int64))
    ids = torch.from_numpy(np.array(x.values))  # Arrow's memory is read-only
    return pad(ids, sizes, vocab[preprocessor.recipe.vocabulary.padding])
