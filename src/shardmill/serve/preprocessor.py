"""Turns raw rows into tensors. Builds and predictions use the same object."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pyarrow as pa

from shardmill.errors import DroppedRowError, OutputError
from shardmill.format.layout import Field
from shardmill.format.manifest import Manifest
from shardmill.format.ragged import Ragged
from shardmill.kinds.find_kind import encode_targets, find_kind, target_fields
from shardmill.kinds.row import Array, Cleaned, Fitted, RowFault
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.urls import is_url

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from shardmill.format.batch import Bag, Padded

    Inputs = Tensor | Padded | Bag | dict[str, Any]  # a dict has one of the others by group

Layout = Literal["padded", "bag"]
_FIX = "build the artifact again with `shardmill preprocess --force`"


class Preprocessor:
    """A recipe together with what was learnt from the train split.

    Example:
        >>> preprocessor = shardmill.Preprocessor.load("artifacts/titanic")
        >>> row = {"Pclass": 3, "Sex": "male", "Age": None, "SibSp": 0, "Parch": 0}
        >>> x = preprocessor([row | {"Fare": 7.25, "Embarked": "S"}])
        >>> x.shape, x.dtype
        (torch.Size([1, 7]), torch.float32)
    """

    def __init__(self, recipe: AnyRecipe, fitted: Fitted) -> None:
        self.recipe = recipe
        self.fitted = fitted

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        manifest: Manifest | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Return the preprocessor that built an artifact, or one that was saved.

        Args:
            folder: The folder or the URL of an artifact or of a model, or a folder that `save`
                wrote to.
            manifest: The manifest of the artifact, if it was read before.
            cache: For a URL, the folder into which files are brought; None for the user's own.

        Raises:
            ArtifactError: The folder cannot be read.
            StorageError: The storage at the URL refused or failed.
        """
        # Imported here and in `save`, since builds do neither.
        from shardmill.serve.saved_preprocessor import (
            PREPROCESSOR_NAME,
            check_fitted,
            parse_saved,
            read_preprocessor,
            with_vocabulary,
        )

        if is_url(folder):
            from shardmill.serve.bring_preprocessor import bring_preprocessor

            folder, manifest = bring_preprocessor(str(folder), cache, manifest)
        folder = Path(folder)
        if manifest is None and (folder / PREPROCESSOR_NAME).is_file():
            return cls(*read_preprocessor(folder))
        manifest = manifest or Manifest.load(folder)
        recipe = parse_saved(folder, manifest.kind, manifest.recipe, fix=_FIX)
        fields = manifest.splits["train"].fields
        inputs = tuple(field for field in fields if not field.is_target)
        fitted = Fitted(inputs, manifest.features, manifest.statistics)
        if manifest.vocabulary is not None:
            fitted = with_vocabulary(fitted, folder, manifest.vocabulary, fix=_FIX)
        check_fitted(folder, recipe, fitted, fix=_FIX)
        return cls(recipe, fitted)

    def save(self, folder: str | os.PathLike[str]) -> tuple[str, ...]:
        """Write preprocessor.json, and vocab.txt or tokenizer.json if there is a vocabulary.

        Args:
            folder: A folder that exists. `load` takes it without the artifact, also after it was
                moved.

        Returns:
            The names of the files.

        Raises:
            OutputError: The files cannot be written.
        """
        from shardmill.serve.saved_preprocessor import write_preprocessor

        try:
            return write_preprocessor(Path(folder), self.recipe, self.fitted)
        except OSError as error:
            fix = "choose another folder, or make room and permissions"
            raise OutputError.unwritable(folder, error, fix=fix) from None

    def fields(self, *, labelled: bool) -> tuple[Field, ...]:
        """Return the fields of a shard: the inputs, and the targets if there are labels."""
        return self.fitted.inputs + (target_fields(self.recipe) if labelled else ())

    def encode_prepared(
        self, prepared: pa.Table, lookup: Any, *, labelled: bool
    ) -> dict[str, Array | Ragged]:
        """Return the fields of rows that `Kind.prepare` returned, in order.

        Args:
            prepared: The rows.
            lookup: The lookup of the summary that the rows came with; see `Kind.lookups`.
            labelled: Whether the rows have labels.

        Raises:
            RowFault: A row cannot be encoded.
        """
        kind = find_kind(self.recipe)
        inputs = kind.encode_prepared(self.recipe, self.fitted, prepared, lookup)
        return {**inputs, **(encode_targets(self.recipe, prepared) if labelled else {})}

    def unknown(self, prepared: pa.Table, encoded: Mapping[str, Any]) -> Mapping[str, int]:
        """Return how many values of prepared rows are unknown; see `Kind.unknown`."""
        return find_kind(self.recipe).unknown(self.recipe, self.fitted, prepared, encoded)

    def encode(self, cleaned: pa.Table, *, labelled: bool) -> dict[str, Array | Ragged]:
        """Return the fields of cleaned rows, in order.

        Raises:
            RowFault: A row cannot be encoded.
        """
        inputs = find_kind(self.recipe).encode(self.recipe, self.fitted, cleaned)
        return {**inputs, **(encode_targets(self.recipe, cleaned) if labelled else {})}

    def __call__(
        self,
        rows: "pd.DataFrame | pa.Table | Sequence[Mapping[str, Any]] | Sequence[str] | Array",
        *,
        layout: Layout = "padded",
    ) -> "Inputs":
        """Return the tensors of raw rows without labels, as the dataset of this kind gives them.

        Args:
            rows: For a table, an Arrow table, a DataFrame or a list of dicts with the raw columns
                (dropped columns may be missing). For images, an array [n, h, w] or [n, *shape],
                or a list of Pillow's images. For texts, a list of texts, or a table or DataFrame
                with the columns that the recipe joins. If a row has several texts, a list has
                dicts of these columns.
            layout: How texts are put together: "padded" gives a `Padded`, "bag" gives a `Bag`.

        Returns:
            For a table, a tensor [n, f] float32, or a dict of tensors [n, f] by group and of texts
            by column. For images, a tensor [n, *shape]. For texts, a `Padded` or a `Bag`, or a dict
            of these by group.

        Raises:
            InputError: A row is not what the recipe says, or a build would have dropped it.
        """
        try:
            cleaned = find_kind(self.recipe).clean_given(self.recipe, self.fitted, rows)
            return self._tensors(cleaned, layout)
        except RowFault as fault:
            raise fault.at(f"row {fault.row}") from None

    def encode_raw(self, raw: pa.Table, *, layout: Layout = "padded") -> "Inputs":
        """Return the tensors of rows as a raw file has them; see `__call__` for the tensors.

        Args:
            raw: For tables and texts, columns of strings, with null for the missing cells of a
                table. For images, a table from `image_table`.
            layout: How texts are put together; see `__call__`.

        Raises:
            RowFault: A row is not what the recipe says, or a build would have dropped it.
        """
        cleaned = find_kind(self.recipe).clean(self.recipe, raw, labelled=False)
        return self._tensors(cleaned, layout)

    def _tensors(self, cleaned: Cleaned, layout: Layout) -> "Inputs":
        for fault in cleaned.faults:
            raise fault
        for row, reason in cleaned.dropped.items():
            raise RowFault(
                row,
                "",
                DroppedRowError,
                expected="a row that the recipe keeps",
                found=reason,
                fix="leave the row out, or fill the cell in",
            )
        # No row was left out, so a fault names the row that was given.
        return _to_torch(self, self.encode(cleaned.table, labelled=False), layout)


def _to_torch(
    preprocessor: Preprocessor, inputs: Mapping[str, Array | Ragged], layout: Layout
) -> "Inputs":
    groups = {f.group: f.name for f in preprocessor.fitted.inputs if f.group is not None}
    padding_id = preprocessor.fitted.padding_id()
    if groups:
        return {
            group: _field_to_torch(inputs[name], padding_id, layout)
            for group, name in groups.items()
        }
    return _field_to_torch(inputs["x"], padding_id, layout)


def _field_to_torch(x: Array | Ragged, padding_id: int, layout: Layout) -> "Tensor | Padded | Bag":
    import torch  # imported here, since building shards needs no torch

    from shardmill.format.batch import Bag, pad, row_offsets

    if not isinstance(x, Ragged):
        return torch.from_numpy(np.array(x))
    sizes = torch.from_numpy(x.sizes.astype(np.int64))
    ids = torch.from_numpy(np.array(x.values))  # Arrow's memory is read-only
    if layout == "bag":
        return Bag(ids, row_offsets(sizes))
    return pad(ids, sizes, padding_id)
