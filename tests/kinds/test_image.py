"""Images: columns, shapes, and statistics."""

import io
import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from fit_rows import fit_rows
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from shardmill.format.layout import Field
from shardmill.kinds import image
from shardmill.raw.image_table import IMAGE_FILES, image_rows, image_table
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.splits import ArrayFile, Split
from shardmill.recipe.targets import ImageTarget

IDX_DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


# Image


def image_recipe(target: ImageTarget | None = None) -> ImageRecipe:
    splits = {"train": Split(images=ArrayFile(path="i"), labels=ArrayFile(path="l"))}
    return ImageRecipe(name="i", kind="image", target=target, splits=splits)


tensors = npst.arrays(
    st.sampled_from(IDX_DTYPES).map(np.dtype),
    npst.array_shapes(min_dims=1, max_dims=4, max_side=4),
)


@settings(max_examples=100, deadline=None)
@given(tensors, st.integers(0, 4), st.integers(0, 4))
def test_columns_of_images_read_back(rows: npt.NDArray[Any], start: int, length: int) -> None:
    table = image_table(rows)
    for part, expected in (
        (table, rows),
        (table.slice(start, length), rows[start:][:length]),
        (pa.concat_tables([table.slice(start), table]), np.concatenate([rows[start:], rows])),
    ):
        found = image_rows(part)
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_images_are_image_files(channels: int, mode: str) -> None:
    rows = np.arange(2 * channels * 12, dtype=np.uint8).reshape(2, channels, 3, 4)
    column = image_table(rows).slice(1).column("image")
    assert column.type == IMAGE_FILES
    (cell,) = column.to_pylist()
    picture = Image.open(io.BytesIO(cell["bytes"]))
    assert (picture.mode, picture.size, cell["path"]) == (mode, (4, 3), None)
    found = np.asarray(picture).reshape(3, 4, channels)
    np.testing.assert_array_equal(found, rows[1].transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [("int8", (1, 3, 4)), ("uint8", (2, 3, 4)), ("uint8", (3, 0, 4)), ("uint8", (3, 4))],
)
def test_other_arrays_are_bytes(dtype: str, shape: tuple[int, ...]) -> None:
    rows = np.ones((2, *shape), dtype)
    column = image_table(rows).column("image")
    assert column.to_pylist() == [rows[0].tobytes()] * 2
    assert image_rows(image_table(rows)).shape == rows.shape


def test_image_files_of_another_size() -> None:
    table = image_table(np.zeros((2, 1, 3, 4), np.uint8))
    schema = image_table(np.zeros((2, 1, 3, 5), np.uint8)).schema
    with pytest.raises(ValueError, match="images of 26 bytes each expected, others found"):
        image_rows(pa.table(table.columns, schema))


def test_column_of_images_of_any_strides() -> None:
    rows = np.arange(24, dtype=np.int16).reshape(2, 3, 4).swapaxes(0, 2)[::-1]
    np.testing.assert_array_equal(image_rows(image_table(rows)), rows)


@pytest.mark.parametrize("dtype", IDX_DTYPES)
@pytest.mark.parametrize(
    ("shape", "stored"),
    [
        # [height, width] gains the channel that torch wants
        ((3, 5), (1, 3, 5)),
        # any other rank is left alone
        ((2, 3, 5), (2, 3, 5)),
        ((1, 3, 5), (1, 3, 5)),
        ((7,), (7,)),
        ((), ()),
    ],
)
def test_shapes_and_dtypes(dtype: str, shape: tuple[int, ...], stored: tuple[int, ...]) -> None:
    rows = (np.arange(4 * math.prod(shape)) % 100 - 5).astype(dtype).reshape(4, *shape)
    cleaned = image.clean(image_recipe(), image_table(rows), labelled=False).table
    prepared = image.prepare(image_recipe(), cleaned)
    assert prepared.rows is cleaned  # which needs no file of its own
    fitted = fit_rows(image_recipe(), [cleaned])
    x = image.encode_prepared(image_recipe(), fitted, prepared.rows.slice(1, 2), None)["x"]
    assert fitted.inputs == (Field.input(dtype, stored),)  # type: ignore[arg-type]
    assert x.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(x, rows[1:3].reshape(2, *stored))


def test_labels_of_images() -> None:
    recipe = image_recipe(ImageTarget(classes=("oak", "fir"), first=1))
    rows = np.zeros((3, 2, 2), np.uint8)
    raw = image_table(rows).append_column("label", pa.array([2, 1, 2], pa.uint8()))
    table = image.clean(recipe, raw, labelled=True).table
    assert table.column("label").to_pylist() == [1, 0, 1]
    assert image.clean(recipe, image_table(rows), labelled=False).table.column_names == ["image"]
    wrong = image_table(rows).append_column("label", pa.array([2, 1, 0], pa.uint8()))
    cleaned = image.clean(recipe, wrong, labelled=True)
    assert len(cleaned.table) == len(wrong) - 1
    assert [(fault.row, fault.column) for fault in cleaned.faults] == [(2, "label")]


tensors_of_any_size = st.sampled_from([*IDX_DTYPES, "int64"]).flatmap(
    lambda dtype: npst.arrays(
        np.dtype(dtype), npst.array_shapes(min_dims=3, max_dims=3, max_side=5)
    )
)


def exact_moments(rows: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the mean and the deviation of the finite elements, rounded once, or twice."""
    exact = [Fraction(value) for value in rows.ravel().tolist() if math.isfinite(value)]
    mean = sum(exact, Fraction()) / max(len(exact), 1)
    variance = sum(((value - mean) ** 2 for value in exact), Fraction()) / max(len(exact), 1)
    with localcontext(prec=800):
        return float(mean), float((Decimal(variance.numerator) / variance.denominator).sqrt())


@settings(max_examples=300, deadline=None)
@given(tensors_of_any_size, st.integers(1, 5))
def test_mean_and_std_are_exact_in_any_batches(rows: npt.NDArray[Any], batch: int) -> None:
    table = image_table(rows)
    batches = [
        image.clean(image_recipe(), table.slice(start, batch), labelled=False).table
        for start in range(0, len(rows), batch)
    ]
    statistics = fit_rows(image_recipe(), batches).statistics["image"]
    assert statistics == fit_rows(image_recipe(), reversed(batches)).statistics["image"]
    assert statistics.std is not None
    mean, std = exact_moments(rows)
    assert statistics.mean == mean
    assert abs(statistics.std - std) <= math.ulp(std)


@pytest.mark.parametrize("dtype", ["int32", "int64", "float64"])
def test_more_numbers_than_are_summed_at_a_time(dtype: str) -> None:
    draw = np.random.default_rng(5)
    rows = (draw.normal(size=(40, 30, 30)) * 1e6 + 1e8).astype(dtype)
    found = fit_rows(image_recipe(), [image_table(rows)]).statistics["image"]
    assert (found.mean, found.std) == exact_moments(rows)
