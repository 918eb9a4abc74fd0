"""Puts the features of a table together to the fields that a model reads."""

import numpy as np
import pyarrow as pa

from shardmill.errors import ValueFormatError
from shardmill.format.layout import Field
from shardmill.kinds.row import Array, Fitted, RowFault
from shardmill.kinds.tabular_encode import encode_cells
from shardmill.recipe.tabular_recipe import TabularRecipe


def encode_features(recipe: TabularRecipe, fitted: Fitted, prepared: pa.Table) -> dict[str, Array]:
    """Return the input fields of cleaned rows [n] that are no texts: each [n, features].

    Raises:
        RowFault: A value is no learnt category, or is too large for its field.
    """
    inputs = [field for field in fitted.inputs if not field.ragged]
    fields = zip(inputs, recipe.input_columns().values(), strict=True)
    return {
        field.name: _encode_field(recipe, fitted, prepared=prepared, field=field, names=names)
        for field, names in fields
    }


def _encode_field(
    recipe: TabularRecipe,
    fitted: Fitted,
    *,
    prepared: pa.Table,
    field: Field,
    names: tuple[str, ...],
) -> Array:
    """Return one input field [n, features], made from the columns `names`."""
    (width,) = field.shape
    # Feature by feature, memory is written in its order, and turned round at once at the end.
    x = np.empty((width, len(prepared)), field.dtype)
    first = 0
    with np.errstate(over="ignore"):  # a number that is too large becomes infinite
        for name in names:
            cells, facts = prepared.column(name), fitted.statistics[name]
            numbers = encode_cells(name, recipe.columns[name], facts, cells)
            last = first + len(numbers)
            is_float = field.dtype.startswith("float")
            # Beside missing values, whole numbers are float64 already. If others were not, the last
            # bit of large ones would depend on the other rows.
            x[first:last] = numbers.astype(np.float64, copy=False) if is_float else numbers
            if is_float and np.isinf(x[first:last]).any():
                scaled = facts.divisor is not None
                raise _too_large(name, field, numbers=numbers, stored=x[first:last], scaled=scaled)
            first = last
    return np.ascontiguousarray(x.T)


def _too_large(name: str, field: Field, *, numbers: Array, stored: Array, scaled: bool) -> RowFault:
    # No value was infinite when it was cleaned, so an infinite one was too large.
    row = int(np.argmax(np.isinf(stored).any(axis=0)))
    once = " once it is scaled" if scaled else ""
    return RowFault(
        row,
        name,
        ValueFormatError,
        expected=f"a number that {field.dtype} can hold{once}",
        found=str(numbers[0, row]),
        fix=f"correct the file, or columns.{name} of the recipe",
    )
