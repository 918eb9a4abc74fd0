"""Mixed columns to one float32 vector a row."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.errors import InputError, UnknownCategoryError, ValueFormatError
from shardmill.kinds.row import Array, Cleaned, Fitted, RowFault, class_indices, without_faulty
from shardmill.layout import Field
from shardmill.manifest import Statistics
from shardmill.tabular_recipe import Column, TabularRecipe

_TYPES = {"int64": pa.int64(), "float64": pa.float64(), "str": pa.string()}


def clean(recipe: TabularRecipe, raw: pa.Table, *, labelled: bool) -> Cleaned:
    """Return typed rows without the dropped columns; missing cells are null.

    Args:
        recipe: says what the columns are.
        raw: every column as strings, missing cells null.
        labelled: the target is among the columns.

    Raises:
        RowFault: a cell cannot be read, is missing, or is outside its map or the classes.
    """
    columns = {name: _clean_column(name, recipe.columns[name], raw) for name in recipe.features()}
    dropped: dict[int, str] = {}
    faults: list[RowFault] = []
    for name, values in columns.items():
        if recipe.columns[name].missing == "drop" and values.null_count:
            for row in np.flatnonzero(np.asarray(pc.is_null(values))).tolist():
                dropped.setdefault(row, f"{name} is missing")
    if recipe.target is not None and labelled:
        target = recipe.target.column
        columns[target], faults = class_indices(raw.column(target), recipe.target, target)
    return without_faulty(pa.table(columns), faults, dropped)


def _clean_column(name: str, column: Column, raw: pa.Table) -> pa.Array:
    texts = raw.column(name).combine_chunks()
    if column.missing == "error" and texts.null_count:
        row = int(np.argmax(np.asarray(pc.is_null(texts))))
        raise _fault(row, name, ValueFormatError, f"a value of {column.dtype}", "an empty cell")
    if column.map is not None:
        known = pc.is_in(texts, value_set=pa.array([*column.map, None], pa.string()))
        if pc.all(known).as_py() is False:
            row = int(np.argmin(np.asarray(known)))
            expected = f"one of {', '.join(column.map)}"
            raise _fault(row, name, UnknownCategoryError, expected, repr(texts[row].as_py()))
    if column.dtype == "str":
        return texts
    return _parse_numbers(name, column, pc.utf8_trim_whitespace(texts))


def _parse_numbers(name: str, column: Column, texts: pa.Array) -> pa.Array:
    dtype = _TYPES[column.dtype]
    expected = f"a finite {column.dtype}"
    try:
        numbers = texts.cast(dtype)
    except pa.ArrowInvalid:
        row = next(row for row, text in enumerate(texts) if not _parses(text, dtype))
        raise _fault(row, name, ValueFormatError, expected, repr(texts[row].as_py())) from None
    stored = numbers.cast(pa.float32(), safe=False)  # a number too large becomes infinite
    infinite = pc.invert(pc.is_finite(stored)).fill_null(False)
    if pc.any(infinite).as_py() is True:
        row = int(np.argmax(np.asarray(infinite)))
        if math.isfinite(numbers[row].as_py()):
            expected += " that float32 can hold"
        raise _fault(row, name, ValueFormatError, expected, repr(texts[row].as_py()))
    return numbers


def _parses(text: pa.Scalar, dtype: pa.DataType) -> bool:
    try:
        text.cast(dtype)
    except pa.ArrowInvalid:
        return False
    return True


def _fault(row: int, name: str, error: type[InputError], expected: str, found: str) -> RowFault:
    fix = f"correct the file, or columns.{name} of the recipe"
    return RowFault(row, name, error, expected=expected, found=found, fix=fix)


def fit(recipe: TabularRecipe, train: Iterator[pa.Table]) -> Fitted:
    """Return imputation values, means and standard deviations of the cleaned train rows.

    Raises:
        RowFault: a column has no value to impute from.
    """
    features = recipe.features()
    frame = pa.concat_tables([table.select(features) for table in train]).to_pandas()
    statistics = {name: _fit_column(name, recipe.columns[name], frame[name]) for name in features}
    return Fitted(Field("x", "float32", (len(features),)), features, statistics)


def _fit_column(name: str, column: Column, cells: "pd.Series[Any]") -> Statistics:
    present = cells.dropna()
    fill: float | str | None = None
    if column.missing in ("median", "mean", "mode"):
        if present.empty:
            raise _fault(0, name, ValueFormatError, "at least one value to impute from", "none")
        fill = _fill_value(column, present)
    numbers = _numbers(column, cells, fill)
    numbers = numbers[~np.isnan(numbers)]
    # fsum is exactly rounded, so the same rows give the same statistics on every processor.
    mean = math.fsum(numbers) / len(numbers) if len(numbers) else None
    variance = math.fsum((numbers - mean) ** 2) / len(numbers) if mean is not None else None
    return Statistics(
        mean=mean,
        std=math.sqrt(variance) if variance is not None else None,
        fill=fill,
        missing=int(cells.isna().sum()),
    )


def _fill_value(column: Column, present: "pd.Series[Any]") -> float | str:
    if column.missing == "median":
        return float(present.median())
    if column.missing == "mean":
        return math.fsum(present) / len(present)
    most_frequent = present.mode().iloc[0]  # pandas sorts ties by value
    return str(most_frequent) if column.dtype == "str" else float(most_frequent)


def _numbers(
    column: Column, cells: "pd.Series[Any]", fill: float | str | None
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if fill is not None:
        cells = cells.fillna(fill)
    if column.map is not None:
        cells = cells.map(column.map)
    return cells.to_numpy(dtype=np.float64, na_value=np.nan)


def encode(recipe: TabularRecipe, fitted: Fitted, cleaned: pa.Table) -> Array:
    """Return `x` [n, f] float32 of cleaned rows; NaN where a missing value is kept."""
    frame = cleaned.select(fitted.features).to_pandas()
    x = np.empty((len(frame), len(fitted.features)), np.float32)
    for index, name in enumerate(fitted.features):
        column = recipe.columns[name]
        x[:, index] = _numbers(column, frame[name], fitted.statistics[name].fill)
    return x
