"""Columns of texts in a table, which the functions of the kind of texts take care of."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from shardmill.format.arrow_arrays import Array
from shardmill.format.layout import Field
from shardmill.format.ragged import Ragged
from shardmill.kinds.kind import Encoded, Kind, Lookup
from shardmill.kinds.row import Fitted
from shardmill.kinds.text_columns import given_row_texts
from shardmill.kinds.train_rows import NoRows, TrainRows
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe


def clean_text_columns(recipe: TabularRecipe, raw: pa.Table) -> dict[str, pa.Array]:
    """Return each column of texts [n] of raw rows, cleaned. A missing cell is an empty text."""
    part = recipe.text_part()
    if part is None:
        return {}
    table = _texts().clean(part, raw, labelled=False).table
    return {name: table.column(name).combine_chunks() for name in table.column_names}


def given_text_columns(recipe: TabularRecipe, rows: Any) -> dict[str, pa.Array]:
    """Return each column of texts [n] of what a program gives, before it is cleaned.

    Raises:
        ColumnsError: A column is missing, or is there twice.
        GivenRowError: A cell is no text, or the rows are something else.
    """
    part = recipe.text_part()
    return {} if part is None else given_row_texts(part, rows)


def text_fields(recipe: TabularRecipe) -> tuple[Field, ...]:
    """Return a field of ids for each column of texts."""
    names = recipe.text_columns()
    return tuple(Field.input("int32", ragged=True, group=name) for name in names)


def prepare_texts(recipe: TabularRecipe, cleaned: pa.Table) -> tuple[pa.Table, pa.Table | None]:
    """Return cleaned rows with texts encoded without a vocabulary, and the tokens that occur.

    Without texts, these are the rows as they are and None. See `text.prepare` for the rest.
    """
    part = recipe.text_part()
    if part is None:
        return cleaned, None
    prepared = _texts().prepare(part, cleaned)
    return prepared.rows, prepared.tokens


def fit_texts(recipe: TabularRecipe, fitted: Fitted, tokens: Iterable[pa.Table]) -> Fitted:
    """Return what was learnt of features, with what the tokens of the train rows teach.

    Raises:
        MissingLibraryError: The library that learns a tokenizer is not installed.
    """
    part = recipe.text_part()
    if part is None:
        return fitted
    learnt = _texts().fit(part, TrainRows(None, tokens, NoRows()))
    return replace(
        learnt, inputs=fitted.inputs, features=fitted.features, statistics=fitted.statistics
    )


def encode_prepared_texts(
    recipe: TabularRecipe, fitted: Fitted, prepared: pa.Table, lookup: Lookup
) -> Encoded:
    """Return the fields of texts of prepared rows, of which `lookup` holds the ids."""
    part = recipe.text_part()
    return (
        {} if part is None else _texts().encode_prepared(part, _of_texts(fitted), prepared, lookup)
    )


def encode_texts(recipe: TabularRecipe, fitted: Fitted, cleaned: pa.Table) -> Encoded:
    """Return the fields of texts of cleaned rows."""
    part = recipe.text_part()
    return {} if part is None else _texts().encode(part, _of_texts(fitted), cleaned)


def unknown_tokens(
    recipe: TabularRecipe,
    fitted: Fitted,
    prepared: pa.Table,
    encoded: Mapping[str, Array | Ragged],
) -> Mapping[str, int]:
    """Return how many tokens of each column of texts the vocabulary lacks."""
    part = recipe.text_part()
    return {} if part is None else _texts().unknown(part, _of_texts(fitted), prepared, encoded)


def _of_texts(fitted: Fitted) -> Fitted:
    return replace(fitted, inputs=tuple(field for field in fitted.inputs if field.ragged))


def _texts() -> Kind[TextRecipe, None]:
    from shardmill.kinds import text  # most tables have no texts

    return text
