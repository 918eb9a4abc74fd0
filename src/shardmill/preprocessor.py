"""Raw rows in, tensors out: the one object that builds shards and that serves predictions."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from shardmill.errors import InputError
from shardmill.kinds import image, tabular, text
from shardmill.kinds.row import TARGET, Array, Cleaned, Fitted, Ragged, RowFault
from shardmill.layout import Field
from shardmill.load_vocab import load_vocab
from shardmill.manifest import Manifest
from shardmill.recipe import RECIPE_KINDS, AnyRecipe, ImageRecipe, TabularRecipe, TextRecipe

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from shardmill.batch import Padded

_KINDS: Mapping[str, ModuleType] = {"tabular": tabular, "image": image, "text": text}


def clean(recipe: AnyRecipe, raw: pa.Table, *, labelled: bool) -> Cleaned:
    """Return the cleaned rows of `raw`; see `clean` of the recipe's kind."""
    cleaned: Cleaned = _KINDS[recipe.kind].clean(recipe, raw, labelled=labelled)
    return cleaned


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
    def fit(cls, recipe: AnyRecipe, train: Iterator[pa.Table]) -> Self:
        """Learn from the cleaned rows of the train split, which are read once, in order."""
        fitted: Fitted = _KINDS[recipe.kind].fit(recipe, train)
        return cls(recipe, fitted)

    @classmethod
    def load(cls, artifact: str | os.PathLike[str]) -> Self:
        """Return the preprocessor that built an artifact.

        Raises:
            ArtifactError: the artifact cannot be read.
        """
        manifest = Manifest.load(artifact)
        recipe = RECIPE_KINDS[manifest.kind].model_validate(manifest.recipe, strict=False)
        field = next(f for f in manifest.splits["train"].fields if f.name == "x")
        vocab = None
        if manifest.vocabulary is not None:
            vocab = load_vocab(Path(artifact), manifest.vocabulary)
        return cls(recipe, Fitted(field, manifest.features, manifest.statistics, vocab))

    def fields(self, *, labelled: bool) -> tuple[Field, ...]:
        """Return the fields of a shard: `x`, and `y` [n] int64 if there are labels."""
        has_target = labelled and self.recipe.target is not None
        return (self.fitted.input, TARGET) if has_target else (self.fitted.input,)

    def encode(self, cleaned: pa.Table, *, labelled: bool) -> dict[str, Array | Ragged]:
        """Return the fields of cleaned rows, in order."""
        x = _KINDS[self.recipe.kind].encode(self.recipe, self.fitted, cleaned)
        label = label_column(self.recipe)
        if label is None or not labelled:
            return {"x": x}
        return {"x": x, "y": np.asarray(cleaned.column(label), np.int64)}

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
            cleaned = clean(self.recipe, self._raw_table(rows), labelled=False)
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
            return pa.table({"image": image.tensor_column(np.asarray(rows))})
        if isinstance(self.recipe, TextRecipe) and isinstance(rows, list | tuple):
            blank = [""] * len(rows)
            # The row's text stands for all joined columns; what they add is one space.
            columns = dict.fromkeys(self.recipe.text.join[1:], blank)
            return pa.table({self.recipe.text.join[0]: pa.array(rows, pa.string()), **columns})
        if isinstance(rows, list | tuple):
            rows = pa.Table.from_pylist([{k: _cell(v) for k, v in row.items()} for row in rows])
        elif not isinstance(rows, pa.Table):
            rows = pa.Table.from_pandas(rows, preserve_index=False)
        return pa.table({name: rows.column(name).cast(pa.string()) for name in rows.column_names})


def _cell(value: object) -> str | None:
    # NaN is how pandas and Python write a missing number.
    return None if value is None or value != value else str(value)


def _to_torch(preprocessor: Preprocessor, x: Array | Ragged) -> "Tensor | Padded":
    import torch  # only here: building shards needs no torch

    from shardmill.batch import pad

    if not isinstance(x, Ragged):
        return torch.from_numpy(np.array(x))
    vocab = preprocessor.fitted.vocab
    assert vocab is not None and isinstance(preprocessor.recipe, TextRecipe)  # noqa: S101
    sizes = torch.from_numpy(x.sizes.astype(np.int64))
    ids = torch.from_numpy(np.array(x.values))  # Arrow's memory is read-only
    return pad(ids, sizes, vocab[preprocessor.recipe.vocabulary.padding])
