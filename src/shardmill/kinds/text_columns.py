"""Brings the texts of rows together from columns, and several texts of a row to one and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import Array, arrow_array, string_array
from shardmill.format.ragged import Ragged
from shardmill.kinds.given_rows import given_columns, given_texts, is_missing
from shardmill.raw.spell_values import texts_without_null
from shardmill.recipe.text_recipe import TextRecipe


def raw_texts(recipe: TextRecipe, raw: pa.Table) -> dict[str, pa.Array]:
    """Return each text [n] of raw rows by its column of cleaned rows, before it is cleaned.

    The columns that make up a text are joined by one space.
    """
    return {name: _joined(raw, columns) for name, columns in recipe.texts().items()}


def given_row_texts(recipe: TextRecipe, rows: Any) -> dict[str, pa.Array]:
    """Return each text [n] of what a program gives, as `raw_texts` does.

    The texts of a list are taken as whole texts. A row of several texts is a dict.

    Raises:
        ColumnsError: A column is missing, or is there twice.
        GivenRowError: A cell is no text, or the rows are something else.
    """
    if isinstance(rows, list | tuple) and not recipe.groups:
        (name,) = recipe.texts()
        return {name: given_texts(rows)}
    columns = {
        name: given_texts(["" if is_missing(v) else v for v in cells], column=name)
        for name, cells in given_columns(rows, recipe.text_columns()).items()
    }
    return raw_texts(recipe, pa.table(columns))


def _joined(raw: pa.Table, names: Sequence[str]) -> pa.Array:
    parts = [texts_without_null(raw.column(name)) for name in names]
    if len(parts) == 1:
        return parts[0]
    return pc.binary_join_element_wise(*parts, string_array([" "])[0])


def row_by_row(cleaned: pa.Table, names: Sequence[str]) -> pa.Array:
    """Return all texts of cleaned rows [n], one row's after another's: strings [n * names].

    So what is learnt from texts in their order does not depend on how rows were cut into tables.
    """
    columns = [cleaned.column(name).combine_chunks() for name in names]
    if len(columns) == 1:
        return columns[0]
    places = np.arange(len(columns) * len(cleaned)).reshape(len(columns), -1).T.reshape(-1)
    return pa.concat_arrays(columns).take(arrow_array(places))


def parted(
    values: Array, sizes: npt.NDArray[np.int32], names: Sequence[str]
) -> Mapping[str, Ragged]:
    """Return each text of rows by its name, undoing `row_by_row`.

    Args:
        values: What the texts consist of, one text after another.
        sizes: How many values each text has, [n * names].
        names: The names of the texts.
    """
    if len(names) == 1:
        return {names[0]: Ragged(values, sizes)}
    texts = np.resize(np.arange(len(names)), len(sizes))  # 0, 1, 0, 1, ... for two
    of_values = np.repeat(texts, sizes)
    return {
        name: Ragged(values[of_values == at], sizes[texts == at]) for at, name in enumerate(names)
    }
