"""Compares what was learnt, as a file has it, with the recipe that it was learnt for."""

from collections.abc import Iterator
from typing import Any

from shardmill.format.manifest import Statistics
from shardmill.format.manifest_rules import field_faults, input_faults
from shardmill.kinds.row import Fitted, RowFault, reason_of
from shardmill.recipe.any_recipe import AnyRecipe, text_part
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.tabular_recipe import TabularRecipe

_FILLED = ("median", "mean", "mode", "constant")


def fitted_faults(recipe: AnyRecipe, fitted: Fitted) -> Iterator[str]:
    """Yield what of `fitted` cannot have been learnt for `recipe`.

    Rows can be encoded with what has no fault.
    """
    faults = [*field_faults(fitted.inputs)]
    faults += input_faults(recipe.kind, fitted.inputs, fitted.features)
    yield from faults
    part = text_part(recipe)
    if part is not None:
        own = not part.text.has_words
        if fitted.vocab is None or own != (fitted.tokenizer is not None):
            yield f"vocabulary: needed, {'with' if own else 'without'} a tokenizer of its own"
        groups: list[str | None] = [*part.groups]
        if [field.group for field in fitted.inputs if field.ragged] != (groups or [None]):
            yield "fields: not those of the texts of the recipe"
    elif fitted.vocab is not None:
        yield "vocabulary: none without texts"
    if isinstance(recipe, TabularRecipe) and not faults:
        yield from _table_faults(recipe, fitted)


def _table_faults(recipe: TabularRecipe, fitted: Fitted) -> Iterator[str]:
    # Imported here, since images and texts need no pandas.
    from shardmill.kinds.tabular import input_layout

    faults = []
    for name in recipe.features():
        if name not in fitted.statistics:
            faults.append(f"statistics.{name}: missing")
        elif fault := _column_fault(recipe.columns[name], fitted.statistics[name]):
            faults.append(f"statistics.{name}: {fault}")
    yield from faults
    if faults:
        return
    try:
        inputs, features = input_layout(recipe, fitted.statistics)
    except RowFault as fault:
        yield f"statistics: {reason_of(fault)}"
        return
    if inputs != fitted.inputs or features != fitted.features:
        yield "features and fields: not those that the recipe and the statistics make"


def _column_fault(column: Column, facts: Statistics) -> str:
    fill: Any = facts.fill
    if (fill is not None) != (column.missing in _FILLED):
        return f"fill: {fill!r} with missing = {column.missing!r}"
    if fill is not None and isinstance(fill, str) != (column.dtype == "str"):
        return f"fill: {fill!r} for a column of {column.dtype}"
    whole = column.dtype == "int64" and column.missing in ("mode", "constant")
    if whole and not (isinstance(fill, int) and -(2**63) <= fill < 2**63):
        return f"fill: {fill!r} for a column of int64"
    if isinstance(fill, float) and not -1.7e308 < fill < 1.7e308:
        return f"fill: {fill!r}"
    if (facts.categories is not None) != (column.categories is not None):
        return "categories: there if the column has them, and only then"
    scaled = (facts.offset is not None, bool(facts.divisor))
    if scaled != ((True, True) if column.scale != "none" else (False, False)):
        return f"offset and divisor: not those of scale = {column.scale!r}"
    stated = column.categories if isinstance(column.categories, tuple) else ()
    if facts.categories is not None and facts.categories[: len(column.levels) + len(stated)] != (
        column.levels + stated
    ):
        return "categories: not those of the recipe"
    return ""
