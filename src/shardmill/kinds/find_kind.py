"""Finds the kind of a recipe, and encodes the targets of all kinds."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from shardmill.format.arrow_arrays import Array
from shardmill.format.layout import Field
from shardmill.kinds.kind import AnyKind
from shardmill.kinds.read_targets import target_values
from shardmill.recipe.any_recipe import AnyRecipe

if TYPE_CHECKING:
    from shardmill.kinds import image, tabular, text
    from shardmill.kinds.image import Moments
    from shardmill.kinds.kind import Kind
    from shardmill.kinds.value_counts import Summary
    from shardmill.recipe.image_recipe import ImageRecipe
    from shardmill.recipe.tabular_recipe import TabularRecipe
    from shardmill.recipe.text_recipe import TextRecipe

    # Kinds are imported by name below, where no type checker sees what they are. Here one does.
    _TABULAR: Kind[TabularRecipe, Summary] = tabular
    _IMAGE: Kind[ImageRecipe, Moments] = image
    _TEXT: Kind[TextRecipe, None] = text


def find_kind(recipe: AnyRecipe) -> AnyKind:
    """Return the module of `shardmill.kinds` for a recipe.

    The module is imported only when it is asked for, since no build needs all of them.
    """
    return cast("AnyKind", import_module(f"shardmill.kinds.{recipe.kind}"))


def target_fields(recipe: AnyRecipe) -> tuple[Field, ...]:
    """Return the fields of the targets: `y`, or `y.<column>` where there are several."""
    return find_kind(recipe).targets(recipe)


def encode_targets(recipe: AnyRecipe, cleaned: pa.Table) -> dict[str, Array]:
    """Return the target fields [n, *shape] of cleaned rows with labels, by field name."""
    targets = {}
    columns = find_kind(recipe).target_columns(recipe)
    for field, name in zip(target_fields(recipe), columns, strict=True):
        targets[field.name] = target_values(cleaned.column(name), field)
    return targets
