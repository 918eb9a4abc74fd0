"""Arrays of any shape, one a row, as they are."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.image_recipe import ImageRecipe
from shardmill.kinds.row import (
    TARGET,
    Array,
    Cleaned,
    Fitted,
    RowFault,
    class_indices,
    without_faulty,
)
from shardmill.layout import Field
from shardmill.manifest import Statistics


def tensor_column(rows: Array) -> pa.Array:
    """Return `rows` [n, *shape] as an Arrow column: fixed-shape tensors, or numbers if 1-D."""
    if rows.ndim == 1:
        return pa.array(rows)
    # Not from_numpy_ndarray(): it takes the order of the dimensions from the strides, which say
    # nothing for a dimension of one.
    values, shape = pa.array(rows.reshape(-1)), rows.shape[1:]
    storage = pa.FixedSizeListArray.from_arrays(values, math.prod(shape))
    return pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(values.type, shape), storage)


def tensor_rows(column: pa.ChunkedArray) -> Array:
    """Return a column of `tensor_column` as an array [n, *shape]."""
    if isinstance(column.type, pa.FixedShapeTensorType):
        # Not to_numpy_ndarray(): pyarrow 26 refuses slices of larger arrays there.
        storage = column.combine_chunks().storage
        return np.asarray(storage.flatten()).reshape(-1, *column.type.shape)
    return np.asarray(column)


def clean(recipe: ImageRecipe, raw: pa.Table, *, labelled: bool) -> Cleaned:
    """Return columns `image` and, if labelled, `label` [n] int64.

    An image of two dimensions [height, width] becomes [1, height, width], as torch wants it;
    arrays of any other rank keep their shape. A label outside the classes is a fault.
    """
    rows = tensor_rows(raw.column("image"))
    if rows.ndim == 3:
        rows = rows[:, None]  # [n, h, w] -> [n, 1, h, w]
    faults: list[RowFault] = []
    columns = {"image": tensor_column(rows)}
    if recipe.target is not None and labelled:
        columns["label"], faults = class_indices(raw.column("label"), recipe.target, "label")
    return without_faulty(pa.table(columns), faults)


def fit(recipe: ImageRecipe, train: Iterator[pa.Table]) -> Fitted:  # noqa: ARG001
    """Return mean and standard deviation of all finite elements, in units of the stored dtype."""
    count, mean, squares = 0, 0.0, 0.0
    shape: tuple[int, ...] = ()
    dtype = "uint8"
    for table in train:
        rows = tensor_rows(table.column("image"))
        shape, dtype = rows.shape[1:], rows.dtype.name
        n, batch_mean, batch_squares = _moments(rows)
        # Chan, Golub, LeVeque 1979: moments of two samples put together.
        delta = batch_mean - mean
        total = max(count + n, 1)
        squares += batch_squares + delta * delta * count * n / total
        mean += delta * n / total
        count = total
    statistics = {"image": Statistics(mean=mean, std=math.sqrt(squares / max(count, 1)))}
    return Fitted((Field("x", dtype, shape),), ("image",), statistics)  # type: ignore[arg-type]


def _moments(rows: Array) -> tuple[int, float, float]:
    """Return count, mean and the sum of squared differences from the mean."""
    if rows.dtype == np.uint8:
        # Exact in integers, and twenty times faster than in floating point.
        counts = np.bincount(rows.reshape(-1), minlength=256).tolist()
        total = sum(value * n for value, n in enumerate(counts))
        mean = total / rows.size
        return rows.size, mean, math.fsum(n * (v - mean) ** 2 for v, n in enumerate(counts))
    numbers: npt.NDArray[np.float64] = rows.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    mean = float(numbers.mean()) if numbers.size else 0.0
    return numbers.size, mean, float(((numbers - mean) ** 2).sum())


def encode(recipe: ImageRecipe, fitted: Fitted, cleaned: pa.Table) -> Array:  # noqa: ARG001
    """Return `x` [n, *shape] in the dtype of the raw file."""
    return tensor_rows(cleaned.column("image"))


def draft(recipe: ImageRecipe, cleaned: pa.Table) -> tuple[pa.Table, pa.Table]:  # noqa: ARG001
    """Return the rows as they are, also for their own summary."""
    return cleaned, cleaned


def finish(
    recipe: ImageRecipe,
    fitted: Fitted,
    drafted: pa.Table,
    key: object = None,  # noqa: ARG001
) -> dict[str, Array]:
    """Return `x`; see `encode`."""
    return {"x": encode(recipe, fitted, drafted)}


def targets(recipe: ImageRecipe) -> tuple[Field, ...]:
    """Return the field `y`, if there is a target."""
    return () if recipe.target is None else (TARGET,)


def target_columns(recipe: ImageRecipe) -> tuple[str, ...]:
    """Return the column of cleaned rows that holds `y`, if there is a target."""
    return () if recipe.target is None else ("label",)
