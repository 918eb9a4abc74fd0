"""Images, or arrays of any other shape. Each row is one, and its values stay as they are."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shardmill.errors import ImageFileError
from shardmill.format.layout import Field
from shardmill.format.manifest import Statistics
from shardmill.format.ragged import Ragged
from shardmill.kinds.exact_sums import UNITS, exact_squares, exact_sum, integer_sums
from shardmill.kinds.given_rows import row_error
from shardmill.kinds.read_image_targets import read_image_labels
from shardmill.kinds.read_targets import (
    class_indices,
    column_labels,
    label_column as label_column,
    target_columns as target_columns,
    targets as targets,
)
from shardmill.kinds.row import Array, Cleaned, Fitted, RowFault, without_faulty
from shardmill.kinds.train_rows import Prepared, TrainRows
from shardmill.raw.image_table import FAULTS, image_rows, image_table
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.targets import ColumnTarget, ImageTarget, Target

_PIECE = 2**15


def needs_lookups(recipe: ImageRecipe) -> bool:  # noqa: ARG001
    """Return that images are encoded without lookups."""
    return False


def plain_columns(recipe: ImageRecipe) -> tuple[str, ...]:  # noqa: ARG001
    """Return the column of images, which hardly ever repeat."""
    return ("image",)


def clean(recipe: ImageRecipe, raw: pa.Table, *, labelled: bool) -> Cleaned:
    """Return columns `image` and, if labelled, `label` [n].

    An image of two dimensions [height, width] becomes [1, height, width], as torch wants it, and
    one of the layout "hwc" becomes [channels, height, width]. Transposed images are turned the
    right way round. Arrays of any other rank keep their shape. An image that could not be read, and
    a label that is no class or no number, is a fault.
    """
    rows = image_rows(raw)
    is_decoded = FAULTS in raw.column_names  # so it is as it is stored
    if recipe.layout == "hwc" and rows.ndim == 4 and not is_decoded:
        rows = rows.transpose(0, 3, 1, 2)
    else:
        rows = rows.reshape(-1, 1, *rows.shape[1:]) if rows.ndim == 3 else rows
    if recipe.transpose and not is_decoded:
        rows = rows.swapaxes(-1, -2)
    faults = _unread(raw)
    columns: dict[str, pa.Array] = {}
    if recipe.target is not None and labelled:
        columns["label"], of_labels = _labels(recipe, recipe.target, raw)
        faults += of_labels
    return without_faulty(image_table(rows, **columns), faults)


def _unread(raw: pa.Table) -> list[RowFault]:
    """Return the faults of images that could not be read, if there are any."""
    if FAULTS not in raw.column_names or raw.column(FAULTS).null_count == len(raw):
        return []
    found = enumerate(raw.column(FAULTS).to_pylist())
    return [RowFault(row, "", ImageFileError, **facts) for row, facts in found if facts is not None]


def _labels(recipe: ImageRecipe, target: Target, raw: pa.Table) -> tuple[pa.Array, list[RowFault]]:
    if isinstance(target, ColumnTarget):
        return column_labels(target, raw, recipe.number_format())
    labels = raw.column("label")
    if isinstance(target, ImageTarget):
        return read_image_labels(labels, target)
    return class_indices(labels, target, "label")


@dataclass(frozen=True, slots=True)
class Moments:
    """What `fit` needs to know about some images.

    Attributes:
        field: The field of the images.
        count: How many finite elements they have.
        total: The sum of these elements, exact so that nothing depends on which images come
            together.
        squares: The sum of their squares, exact too.
    """

    field: Field
    count: int
    total: Fraction
    squares: Fraction


def prepare(
    recipe: ImageRecipe,  # noqa: ARG001
    cleaned: pa.Table,
    before: Moments | None = None,  # noqa: ARG001
) -> Prepared[Moments]:
    """Return the cleaned rows themselves, and their moments."""
    rows = image_rows(cleaned)
    field = Field.input(rows.dtype.name, rows.shape[1:])  # type: ignore[arg-type]
    return Prepared(cleaned, _moments(field, rows))


def merge(recipe: ImageRecipe, summaries: Iterable[Moments]) -> Moments:  # noqa: ARG001
    """Return the moments of all images together."""
    merged = Moments(Field.input("uint8"), 0, Fraction(0), Fraction(0))
    for some in summaries:
        merged = Moments(
            some.field,
            merged.count + some.count,
            merged.total + some.total,
            merged.squares + some.squares,
        )
    return merged


def fit(recipe: ImageRecipe, train: TrainRows[Moments]) -> Fitted:  # noqa: ARG001
    """Return mean and standard deviation of all finite elements, in units of the stored dtype."""
    moments = train.summary
    count = max(moments.count, 1)
    mean = moments.total / count
    std = _root(moments.squares / count - mean * mean)
    statistics = {"image": Statistics(mean=float(mean), std=std)}
    return Fitted((moments.field,), ("image",), statistics)


def _root(number: Fraction) -> float:
    """Return the square root of a number that is at least 0 and may be too large for a float."""
    bits = number.numerator.bit_length() - number.denominator.bit_length()
    return math.ldexp(math.sqrt(number / Fraction(4) ** (bits // 2)), bits // 2)


def _moments(field: Field, rows: Array) -> Moments:
    if rows.dtype == np.uint8:
        # Integers are exact. A piece stays in the cache of a core, and its sums fit uint32.
        total, of_squares = 0, 0
        for piece in _pieces(rows):
            total += int(piece.sum())
            of_squares += int(np.multiply(piece, piece, out=piece).sum())
        return Moments(field, rows.size, Fraction(total), Fraction(of_squares))
    if rows.dtype.kind == "i":
        total, of_squares = integer_sums(rows.ravel("K"))
        return Moments(field, rows.size, Fraction(total), Fraction(of_squares))
    numbers: npt.NDArray[np.float64] = rows.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if rows.dtype == np.float64:
        squares = exact_squares(numbers)
    else:  # squares of floats of fewer bits are not rounded
        squares = Fraction(exact_sum(numbers * numbers), UNITS)
    return Moments(field, numbers.size, Fraction(exact_sum(numbers), UNITS), squares)


def _pieces(rows: Array) -> Iterator[npt.NDArray[np.uint32]]:
    """Yield all elements, as they lie in memory."""
    elements = max(math.prod(rows.shape[1:]), 1)
    step = max(_PIECE // elements, 1)
    for first in range(0, len(rows), step):
        some = rows[first : first + step].astype(np.uint32).ravel("K")
        yield from (some[start : start + _PIECE] for start in range(0, some.size, _PIECE))


def encode_prepared(
    recipe: ImageRecipe,  # noqa: ARG001
    fitted: Fitted,  # noqa: ARG001
    prepared: pa.Table,
    lookup: npt.NDArray[np.int32] | None,  # noqa: ARG001
) -> dict[str, Array]:
    """Return `x` [n, *shape] in the dtype of the raw file."""
    return {"x": image_rows(prepared)}


def encode(recipe: ImageRecipe, fitted: Fitted, cleaned: pa.Table) -> dict[str, Array]:
    """Return the input fields of cleaned rows."""
    return encode_prepared(recipe, fitted, cleaned, None)


def unknown(
    recipe: ImageRecipe,  # noqa: ARG001
    fitted: Fitted,  # noqa: ARG001
    prepared: pa.Table,  # noqa: ARG001
    encoded: Mapping[str, Array | Ragged],  # noqa: ARG001
) -> dict[str, int]:
    """Return nothing, since no value of an image is unknown."""
    return {}


def source_columns(recipe: ImageRecipe) -> SourceColumns:
    """Return the columns `image` and, if there is a target, `label`; those of CSV files by name."""
    if recipe.paths is not None:
        column, target = recipe.paths.column, recipe.target
        names = target.raw_columns() if isinstance(target, ColumnTarget) else ()
        return SourceColumns(recipe.paths.columns or (column, *names), (column,), names)
    targets = () if recipe.target is None else ("label",)
    return SourceColumns(("image", *targets), ("image",), targets)


def clean_given(recipe: ImageRecipe, fitted: Fitted, rows: Any) -> Cleaned:
    """Return the cleaned rows of an array of images [n, h, w] or [n, *shape], as in raw files.

    A list of Pillow's images is taken, too. They are treated as those in files of their own.

    Raises:
        GivenRowError: The images have another shape or dtype than those of the artifact.
    """
    field = fitted.inputs[0]
    if isinstance(rows, list | tuple) and rows and all(hasattr(row, "getexif") for row in rows):
        return Cleaned(image_table(_given_images(recipe, field, rows)))
    images = np.asarray(rows)
    shapes = recipe.raw_shapes(field.shape)
    if images.shape[1:] not in shapes or images.dtype != field.dtype:
        expected = " or ".join(f"[n, {', '.join(map(str, shape))}]" for shape in shapes)
        found = f"{images.dtype} of shape {list(images.shape)}"
        raise row_error("the rows", f"{field.dtype} of shape {expected}", found)
    return clean(recipe, image_table(images), labelled=False)


def _given_images(recipe: ImageRecipe, field: Field, images: Sequence[Any]) -> Array:
    """Return images of Pillow as an array [n, channels, height, width]."""
    # Imported here, since most rows are no images of Pillow.
    from shardmill.raw.decode_image import ImageFault, pixels_of
    from shardmill.raw.read_images import form_to_predict

    rows = []
    for number, image in enumerate(images):
        try:
            if field.dtype != "uint8":
                raise ValueError("images are uint8")
            rows.append(pixels_of(image, form_to_predict(recipe, field.shape)))
        except ImageFault as fault:
            raise row_error(f"row {number}", fault.expected, fault.found) from None
        except ValueError:
            expected = f"an array of {field.dtype} {list(field.shape)}"
            raise row_error(f"row {number}", expected, "an image") from None
    return np.stack(rows)
