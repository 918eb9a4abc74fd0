"""Arrays of any shape, one a row, as they are."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.arrow_arrays import arrow_array, numpy_array
from shardmill.image_recipe import ImageRecipe
from shardmill.kinds.row import Array, Cleaned, Fitted, RowFault, class_indices, without_faulty
from shardmill.layout import Field
from shardmill.manifest import Statistics

# Hardly two images are alike.
PLAIN_COLUMNS = ("image",)

_PIECE = 2**15


def tensor_column(rows: Array) -> pa.Array:
    """Return `rows` [n, *shape] as an Arrow column: fixed-shape tensors, or numbers if 1-D."""
    if rows.ndim == 1:
        return arrow_array(rows)
    # Not from_numpy_ndarray(): it takes the order of the dimensions from the strides, which say
    # nothing for a dimension of one.
    values, shape = arrow_array(rows.reshape(-1)), rows.shape[1:]
    storage = pa.FixedSizeListArray.from_arrays(values, math.prod(shape))
    return pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(values.type, shape), storage)


def tensor_rows(column: pa.ChunkedArray) -> Array:
    """Return a column of `tensor_column` as an array [n, *shape]."""
    if isinstance(column.type, pa.FixedShapeTensorType):
        # Not to_numpy_ndarray(): pyarrow 26 refuses slices of larger arrays there.
        storage = column.combine_chunks().storage
        return numpy_array(storage.flatten()).reshape(-1, *column.type.shape)
    return numpy_array(column)


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


@dataclass(frozen=True, slots=True)
class Moments:
    """What `fit` needs to know of some images.

    Attributes:
        field: of the images.
        count: their finite elements.
        mean: of these.
        squares: sum of their squared differences from the mean.
    """

    field: Field
    count: int
    mean: float
    squares: float


def draft(recipe: ImageRecipe, cleaned: pa.Table) -> tuple[pa.Table, Moments]:  # noqa: ARG001
    """Return the cleaned rows themselves, and their moments."""
    rows = tensor_rows(cleaned.column("image"))
    field = Field("x", rows.dtype.name, rows.shape[1:])  # type: ignore[arg-type]
    return cleaned, Moments(field, *_moments(rows))


def fit(recipe: ImageRecipe, summaries: Iterable[Moments]) -> Fitted:  # noqa: ARG001
    """Return mean and standard deviation of all finite elements, in units of the stored dtype."""
    count, mean, squares = 0, 0.0, 0.0
    field = Field("x", "uint8")
    for part in summaries:
        # Chan, Golub, LeVeque 1979: moments of two samples put together.
        field = part.field
        delta = part.mean - mean
        total = max(count + part.count, 1)
        squares += part.squares + delta * delta * count * part.count / total
        mean += delta * part.count / total
        count = total
    statistics = {"image": Statistics(mean=mean, std=math.sqrt(squares / max(count, 1)))}
    return Fitted((field,), ("image",), statistics)


def _moments(rows: Array) -> tuple[int, float, float]:
    """Return count, mean and the sum of squared differences from the mean."""
    if rows.dtype == np.uint8:
        # Exact in integers, in pieces that stay in a core's cache and whose sums fit uint32.
        flat, total, of_squares = rows.reshape(-1), 0, 0
        for start in range(0, flat.size, _PIECE):
            piece = flat[start : start + _PIECE].astype(np.uint32)
            total += int(piece.sum())
            of_squares += int(np.multiply(piece, piece, out=piece).sum())
        n = flat.size
        if n == 0:
            return 0, 0.0, 0.0
        return n, total / n, (n * of_squares - total * total) / n
    numbers: npt.NDArray[np.float64] = rows.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    mean = float(numbers.mean()) if numbers.size else 0.0
    return numbers.size, mean, float(((numbers - mean) ** 2).sum())


def keys(fitted: Fitted, summaries: Sequence[Moments]) -> list[None]:  # noqa: ARG001
    """Return nothing for each summary: images are finished without."""
    return [None] * len(summaries)


def finish(
    recipe: ImageRecipe,  # noqa: ARG001
    fitted: Fitted,  # noqa: ARG001
    drafted: pa.Table,
    key: None,  # noqa: ARG001
) -> dict[str, Array]:
    """Return `x` [n, *shape] in the dtype of the raw file."""
    return {"x": tensor_rows(drafted.column("image"))}
