"""Raw rows in, tensors out: the one object that builds shards and that serves predictions."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from shardmill.errors import InputError, ManifestError
from shardmill.find_kind import encode_targets, find_kind, target_fields
from shardmill.image_recipe import ImageRecipe
from shardmill.kinds.row import Array, Cleaned, Fitted, Ragged, RowFault
from shardmill.kinds.text import clean_joined
from shardmill.layout import Field
from shardmill.load_vocab import load_vocab, read_checked
from shardmill.manifest import Manifest
from shardmill.raw_rows import raw_cells, raw_images, raw_texts
from shardmill.recipe import RECIPE_KINDS, AnyRecipe
from shardmill.text_recipe import TextRecipe

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from shardmill.batch import Padded


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
        fitted = Fitted(inputs, manifest.features, manifest.statistics)
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
        """Return the fields of a shard: the inputs, and the targets if there are labels."""
        return self.fitted.inputs + (target_fields(self.recipe) if labelled else ())

    def finish(self, drafted: pa.Table, key: Any, *, labelled: bool) -> dict[str, Array | Ragged]:
        """Return the fields of rows that `draft` of the kind has drafted, in order.

        Args:
            drafted: the rows.
            key: of the summary they came with, from `keys` of the kind.
            labelled: the rows have labels.
        """
        finish = find_kind(self.recipe).finish
        inputs: dict[str, Array | Ragged] = finish(self.recipe, self.fitted, drafted, key)
        return inputs | (encode_targets(self.recipe, drafted) if labelled else {})

    def encode(self, cleaned: pa.Table, *, labelled: bool) -> dict[str, Array | Ragged]:
        """Return the fields of cleaned rows, in order."""
        encode = find_kind(self.recipe).encode
        inputs: dict[str, Array | Ragged] = encode(self.recipe, self.fitted, cleaned)
        return inputs | (encode_targets(self.recipe, cleaned) if labelled else {})

    def __call__(
        self, rows: "pd.DataFrame | pa.Table | Sequence[Mapping[str, Any]] | Sequence[str] | Array"
    ) -> "Tensor | Padded | dict[str, Tensor]":
        """Return the tensors of raw rows without labels, as the dataset of this kind gives them.

        Args:
            rows: tabular: a table, a DataFrame or a list of dicts with the raw columns (dropped
                ones may be missing); image: an array [n, h, w] or [n, *shape]; text: a list of
                texts as they are, or a table or DataFrame with the columns that the recipe joins.

        Returns:
            tabular: [n, f] float32, or a dict of tensors [n, f] by group; image: [n, *shape];
            text: Padded ids and lengths.

        Raises:
            InputError: a row is not what the recipe says, or would have been dropped.
        """
        try:
            cleaned = self._clean(rows)
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

    def _clean(self, rows: Any) -> Cleaned:
        if isinstance(self.recipe, TextRecipe):
            texts = raw_texts(self.recipe, rows)
            return Cleaned(pa.table({"text": clean_joined(self.recipe, texts)}))
        if isinstance(self.recipe, ImageRecipe):
            raw = raw_images(self.fitted.inputs[0], np.asarray(rows))
        else:
            raw = raw_cells(self.recipe, rows)
        cleaned: Cleaned = find_kind(self.recipe).clean(self.recipe, raw, labelled=False)
        return cleaned


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
    sizes = torch.from_numpy(x.sizes.astype(np.int64))
    ids = torch.from_numpy(np.array(x.values))  # Arrow's memory is read-only
    return pad(ids, sizes, preprocessor.fitted.padding_id())
