"""Turns mixed columns into vectors of numbers, chunk by chunk."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.format.arrow_arrays import filled_array, numpy_array, single_array, string_array
from shardmill.format.layout import Field
from shardmill.format.manifest import Statistics
from shardmill.format.ragged import Ragged
from shardmill.kinds.read_targets import class_lists, read_labels, target_field
from shardmill.kinds.row import Array, Cleaned, Fitted, RowFault, without_faulty
from shardmill.kinds.tabular_clean import CellReader
from shardmill.kinds.tabular_dtypes import class_dtype, group_dtype
from shardmill.kinds.tabular_encode import feature_names
from shardmill.kinds.tabular_features import encode_features
from shardmill.kinds.tabular_fit import fit_columns
from shardmill.kinds.tabular_given import given_cells
from shardmill.kinds.tabular_texts import (
    clean_text_columns,
    encode_prepared_texts,
    encode_texts,
    fit_texts,
    given_text_columns,
    prepare_texts,
    text_fields,
    unknown_tokens,
)
from shardmill.kinds.train_rows import Prepared, TrainRows
from shardmill.kinds.typed_cells import cells_of
from shardmill.kinds.value_counts import Summary, merge_summaries, summarise
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.tabular_column import UNKNOWN, Column
from shardmill.recipe.tabular_recipe import TabularRecipe


def needs_lookups(recipe: TabularRecipe) -> bool:
    """Say whether there are texts, whose tokens are looked up."""
    return bool(recipe.text_columns())


def plain_columns(recipe: TabularRecipe) -> tuple[str, ...]:
    """Return the columns of texts. Any other may have few distinct values."""
    return recipe.text_columns()


def clean(recipe: TabularRecipe, raw: pa.Table, *, labelled: bool) -> Cleaned:
    """Return typed rows without the dropped columns. Missing cells are null, or drop their row.

    A cell is a fault if it cannot be read, if it is missing although it must not be, or if it is
    outside its map, categories or classes.

    Args:
        recipe: The recipe, which says what the columns are.
        raw: Every column as strings, or in the type that a file says. Cells may be null, which is
            one more way to be missing.
        labelled: Whether the targets are among the columns.
    """
    stated, missing = recipe.stated_dtypes(), recipe.rules().missing
    targets = recipe.all_targets() if labelled else {}
    columns: dict[str, pa.Array] = {}
    dropped: dict[int, str] = {}
    faults: list[RowFault] = []
    for name in (*recipe.features(), *(recipe.target_columns() if labelled else ())):
        column = recipe.columns[name]
        target = targets.get(name)
        is_class = target is not None and target.classes is not None
        spelt = column.missing_cells(missing)
        cells = cells_of(column, single_array(raw.column(name)), missing=spelt, is_class=is_class)
        if column.missing == "drop":
            for row in cells.missing_rows():
                dropped.setdefault(row, f"{name} is missing")
        if target is not None and target.classes is not None:
            numbers, drop = column.dtype in ("int64", "float64"), column.missing == "drop"
            columns[name], wrong = read_labels(name, target, cells, numbers=numbers, drop=drop)
            faults += wrong
            continue
        # Numbers that will be scaled need not fit the dtype of their field yet.
        dtype = stated.get(name, "float32") if column.scale == "none" else "float64"
        reader = CellReader(name, column, dtype, recipe.number_format(name))
        columns[name] = reader.read(cells)
        faults += reader.faults
    if labelled and recipe.target is not None and recipe.target.columns is not None:
        names = recipe.target.columns
        flags = [filled_array(columns.pop(name), False).cast(pa.uint8()) for name in names]
        columns[names[0]] = class_lists(np.stack([numpy_array(flag) for flag in flags], axis=1))
    columns |= clean_text_columns(recipe, raw)
    return without_faulty(pa.table(columns), faults, dropped)


def prepare(
    recipe: TabularRecipe, cleaned: pa.Table, before: Summary | None = None
) -> Prepared[Summary]:
    """Return the rows with texts encoded as far as is possible, and the counts of their values."""
    rows, tokens = prepare_texts(recipe, cleaned)
    return Prepared(rows, summarise(_counted(recipe), cleaned, before), tokens)


def merge(recipe: TabularRecipe, summaries: Iterable[Summary]) -> Summary:
    """Return the counts of all values together."""
    return merge_summaries(_counted(recipe), summaries)


def fit(recipe: TabularRecipe, train: TrainRows[Summary]) -> Fitted:
    """Return features, fields and statistics. They do not depend on how the rows were cut.

    Raises:
        RowFault: A column has no value to impute from, or too many distinct values, or its numbers
            do not fit its group.
        MissingLibraryError: The library that learns a tokenizer is not installed.
    """
    statistics = fit_columns(_counted(recipe), train.summary, train.scan)
    inputs, features = input_layout(recipe, statistics)
    return fit_texts(recipe, Fitted(inputs, features, statistics), train.tokens)


def input_layout(
    recipe: TabularRecipe, statistics: Mapping[str, Statistics]
) -> tuple[tuple[Field, ...], tuple[str, ...]]:
    """Return the input fields that statistics lead to, and the names of the features.

    Raises:
        RowFault: Numbers of a column do not fit its group.
    """
    inputs, features = [], []
    for group, columns in recipe.input_columns().items():
        names = [n for c in columns for n in feature_names(c, recipe.columns[c], statistics[c])]
        facts = {name: (recipe.columns[name], statistics[name]) for name in columns}
        stated = recipe.stated_dtypes().get(columns[0]) if recipe.groups else "float32"
        dtype = group_dtype(stated, facts)
        inputs.append(Field.input(dtype, (len(names),), group=group))
        features += names
    return (*inputs, *text_fields(recipe)), tuple(features)


def _counted(recipe: TabularRecipe) -> Mapping[str, Column]:
    # Returns the features, and the targets that are numbers.
    numbers = [name for name, t in recipe.all_targets().items() if t.role == "number"]
    return {name: recipe.columns[name] for name in (*recipe.features(), *numbers)}


def encode_prepared(
    recipe: TabularRecipe,
    fitted: Fitted,
    prepared: pa.Table,
    lookup: npt.NDArray[np.int32] | None = None,
) -> dict[str, Any]:
    """Return the input fields of prepared rows: `x` [n, f], or `x.<group>` [n, f] for each group.

    A number that is missing and kept becomes NaN. Texts are fields of ids; `lookup` has the ids of
    the tokens that the rows came with. Rows do not depend on each other.

    Raises:
        RowFault: A value is no learnt category, or is too large for its field. The fault names the
            row of `prepared`.
    """
    features = encode_features(recipe, fitted, prepared)
    return {**features, **encode_prepared_texts(recipe, fitted, prepared, lookup)}


def unknown(
    recipe: TabularRecipe,
    fitted: Fitted,
    prepared: pa.Table,
    encoded: Mapping[str, Array | Ragged],
) -> dict[str, int]:
    """Return how many cells are no category, by column, where such cells have a level.

    For texts, it is how many tokens the vocabulary lacks.
    """
    counts = dict(unknown_tokens(recipe, fitted, prepared, encoded))
    for name in recipe.features():
        column, known = recipe.columns[name], fitted.statistics[name].categories
        if known is not None and UNKNOWN in column.levels:
            cells = prepared.column(name)
            own = string_array(known[len(column.levels) :])
            found = pc.sum(pc.is_in(cells, value_set=own)).as_py() or 0  # a null is in no set
            counts[name] = len(cells) - cells.null_count - found
    return counts


def encode(recipe: TabularRecipe, fitted: Fitted, cleaned: pa.Table) -> dict[str, Any]:
    """Return the input fields of cleaned rows."""
    features = encode_features(recipe, fitted, cleaned)
    return {**features, **encode_texts(recipe, fitted, cleaned)}


def targets(recipe: TabularRecipe) -> tuple[Field, ...]:
    """Return the target fields: `y`, or `y.<column>` for each target.

    Classes have the smallest dtype that holds them, and numbers are float32.
    """
    return tuple(
        target_field(
            target,
            class_dtype(len(target.names())),
            group=name if recipe.target is None else None,
        )
        for name, target in recipe.all_targets().items()
    )


def label_column(recipe: TabularRecipe) -> str | None:
    """Return the first target that is a class. Hold-outs are stratified by it."""
    targets = recipe.all_targets().items()
    return next((name for name, target in targets if target.role == "class"), None)


def source_columns(recipe: TabularRecipe) -> SourceColumns:
    """Return all columns of the CSV files, the features and texts among them, and the targets."""
    inputs = recipe.features() + recipe.text_columns()
    return SourceColumns(tuple(recipe.columns), inputs, recipe.target_columns())


def clean_given(recipe: TabularRecipe, fitted: Fitted, rows: Any) -> Cleaned:
    """Return the cleaned rows of a list of dicts, a DataFrame or an Arrow table.

    Raises:
        ColumnsError: A column is missing, or is there twice.
        GivenRowError: A cell is no single value, or the rows are something else.
    """
    cells = given_cells(recipe, rows, fitted.statistics)
    for name, texts in given_text_columns(recipe, rows).items():
        cells = cells.append_column(name, texts)
    return clean(recipe, cells, labelled=False)


def target_columns(recipe: TabularRecipe) -> tuple[str, ...]:
    """Return the columns of cleaned rows that hold the target fields, in order.

    A target of several columns is in one, which is called as the first of them.
    """
    return tuple(recipe.all_targets())
