"""Finds the module of a kind of dataset, and what all kinds say of their targets."""

from importlib import import_module
from types import ModuleType

import numpy as np
import pyarrow as pa

from shardmill.format.arrow_arrays import Array, numpy_array
from shardmill.format.layout import Field
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.tabular_recipe import TabularRecipe


def find_kind(recipe: AnyRecipe) -> ModuleType:
    """Return the module of `shardmill.kinds` for a recipe.

    Imported only now: a text needs no pandas, which takes longer to import than many a build.
    """
    return import_module(f"shardmill.kinds.{recipe.kind}")


def target_fields(recipe: AnyRecipe) -> tuple[Field, ...]:
    """Return the fields of the targets: `y`, or `y.<column>` where there are several."""
    fields: tuple[Field, ...] = find_kind(recipe).targets(recipe)
    return fields


def encode_targets(recipe: AnyRecipe, cleaned: pa.Table) -> dict[str, Array]:
    """Return the target fields of cleaned rows with labels."""
    targets = {}
    for field, name in zip(
        target_fields(recipe), find_kind(recipe).target_columns(recipe), strict=True
    ):
        column = cleaned.column(name)
        # Classes are int64 already; numbers may be of any dtype that their column has.
        values = numpy_array(column) if column.type == pa.int64() else np.asarray(column)
        targets[field.name] = values.astype(field.dtype, copy=False)
    return targets


def label_column(recipe: AnyRecipe) -> str | None:
    """Return the column of cleaned rows that holds a class index: of several the first one's."""
    if not isinstance(recipe, TabularRecipe):
        return None if recipe.target is None else "label"
    return next((name for name, target in recipe.all_targets().items() if target.classes), None)
