"""Arrays of any shape, one a row, as they are."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.format.arrow_arrays import arrow_array, numpy_array
from shardmill.format.layout import Field
from shardmill.format.manifest import Statistics
from shardmill.kinds.row import (
    Array,
    Cleaned,
    Fitted,
    RowFault,
    class_indices,
    label_columns,
    label_targets,
    without_faulty,
)
from shardmill.recipe.image_recipe import ImageRecipe

# Hardly two images are alike.
PLAIN_COLUMNS = ("image",)
# Whether rows of every split are finished with keys, and not those of train alone summarised.
KEYED = False

_PIECE = 2**15


def image_table(rows: Array, **columns: pa.Array) -> pa.Table:
    """Return `rows` [n, *shape] as a column `image`, and other columns after it.

    The bytes of a row are one value: Parquet would keep every element of a list as a number of
    four bytes with two levels, which takes four times as long and half as much space again. The
    field's metadata has `dtype` and `shape`. Rows of no dimension are plain numbers.
    """
    if rows.ndim == 1:
        return pa.table({"image": arrow_array(rows), **columns})
    width = rows.itemsize * math.prod(rows.shape[1:])
    little = np.ascontiguousarray(rows, rows.dtype.newbyteorder("<"))
    column = pa.Array.from_buffers(pa.binary(width), len(rows), [None, pa.py_buffer(little)])
    facts = {"dtype": rows.dtype.name, "shape": json.dumps(rows.shape[1:])}
    field = pa.field("image", column.type, metadata=facts)
    fields = [field, *(pa.field(name, other.type) for name, other in columns.items())]
    return pa.table([column, *columns.values()], pa.schema(fields))


def image_rows(table: pa.Table) -> Array:
    """Return the column `image` of `image_table` as an array [n, *shape]."""
    column, facts = table.column("image").combine_chunks(), table.field("image").metadata
    if facts is None:
        return numpy_array(column)
    dtype, shape = np.dtype(facts[b"dtype"].decode()), json.loads(facts[b"shape"])
    start = column.offset * column.type.byte_width
    count = len(column) * math.prod(shape)
    data = column.buffers()[1] if len(column) else b""
    flat = np.frombuffer(data, dtype.newbyteorder("<"), count, start)
    return flat.reshape(-1, *shape).astype(dtype, copy=False)


def clean(recipe: ImageRecipe, raw: pa.Table, *, labelled: bool) -> Cleaned:
    """Return columns `image` and, if labelled, `label` [n] int64.

    An image of two dimensions [height, width] becomes [1, height, width], as torch wants it;
    arrays of any other rank keep their shape. A label outside the classes is a fault.
    """
    rows = image_rows(raw)
    if rows.ndim == 3:
        rows = rows[:, None]  # [n, h, w] -> [n, 1, h, w]
    faults: list[RowFault] = []
    columns: dict[str, pa.Array] = {}
    if recipe.target is not None and labelled:
        columns["label"], faults = class_indices(raw.column("label"), recipe.target, "label")
    return without_faulty(image_table(rows, **columns), faults)


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
    rows = image_rows(cleaned)
    field = Field.input(rows.dtype.name, rows.shape[1:])  # type: ignore[arg-type]
    return cleaned, Moments(field, *_moments(rows))


def fit(recipe: ImageRecipe, summaries: Iterable[Moments]) -> Fitted:  # noqa: ARG001
    """Return mean and standard deviation of all finite elements, in units of the stored dtype."""
    count, mean, squares = 0, 0.0, 0.0
    field = Field.input("uint8")
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
        n = max(flat.size, 1)
        return flat.size, total / n, (n * of_squares - total * total) / n
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
    return {"x": image_rows(drafted)}


def encode(recipe: ImageRecipe, fitted: Fitted, cleaned: pa.Table) -> dict[str, Array]:
    """Return the input fields of cleaned rows."""
    return finish(recipe, fitted, cleaned, None)


# Nothing but labels can be the target of an image.
targets, target_columns = label_targets, label_columns
