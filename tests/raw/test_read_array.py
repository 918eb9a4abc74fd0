"""Arrays of numpy come out as they were written, and whatever is none is refused."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from shardmill.errors import (
    ArrayFormatError,
    ChangedFileError,
    EmptyFileError,
)
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_array import read_array_header, read_array_rows

DTYPES = ["uint8", "int8", ">i2", "int32", "int64", "float32", ">f8"]
SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: arrays.arrays(dtype, SHAPES))


def read(path: Path, array: str | None = None, rows: int = 2**20) -> npt.NDArray[Any]:
    content = RawContent.unhashed(path, path.with_name("copy"), None)
    header = read_array_header(content, array)
    starts = range(0, header.shape[0], rows)
    pieces = [
        read_array_rows(content.readable, header, start, min(start + rows, header.shape[0]))
        for start in starts
    ]
    return np.concatenate(pieces)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    array=ARRAYS,
    rows=st.integers(1, 6),
    fortran=st.booleans(),
    form=st.sampled_from(["npy", "npz", "deflated"]),
)
def test_any_cut_put_together_is_the_array(
    tmp_path: Path, array: npt.NDArray[Any], rows: int, fortran: bool, form: str
) -> None:
    path = tmp_path / "f"
    array = np.asfortranarray(array) if fortran else array
    with path.open("wb") as file:
        if form == "npy":
            np.save(file, array)
        else:
            save = np.savez if form == "npz" else np.savez_compressed
            save(file, other=np.zeros(7), x=array)
    found = read(path, None if form == "npy" else "x", rows)
    assert found.dtype == array.dtype.newbyteorder("=") and found.dtype.isnative
    np.testing.assert_array_equal(found, array)


def test_a_bool_is_a_byte_of_0_or_1(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.array([True, False]))
    found = read(tmp_path / "f.npy")
    assert (found.dtype.name, found.tolist()) == ("uint8", [1, 0])


def test_the_only_array_needs_no_name(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "f.npz", np.arange(3))
    assert read(tmp_path / "f.npz").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.array([{"a": 1}], object), "Python objects, which are pickles"),
        (np.array(["a", "b"]), "<U1"),
        (np.zeros(3, "uint16"), "uint16"),
        (np.zeros(3, "complex64"), "complex64"),
        (np.zeros(3, "datetime64[s]"), r"datetime64\[s\]"),
        (np.zeros(3, [("a", "u1")]), r"\[\('a', 'u1'\)\]"),
    ],
)
def test_elements_that_no_tensor_has(tmp_path: Path, array: Any, found: str) -> None:
    np.save(tmp_path / "f.npy", array)
    with pytest.raises(ArrayFormatError, match=rf"f.npy: expected elements of .*, found {found};"):
        read(tmp_path / "f.npy")


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_no_rows(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "f.npy", np.zeros(shape))
    with pytest.raises(EmptyFileError, match="expected at least one row"):
        read(tmp_path / "f.npy")


@pytest.mark.parametrize("cut", [3, 7, 60, -1])
def test_an_array_that_is_cut_short(tmp_path: Path, cut: int) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((4, 4)))
    (tmp_path / "f.npy").write_bytes(buffer.getvalue()[:cut])
    with pytest.raises(ArrayFormatError, match=r"f.npy: expected"):
        read(tmp_path / "f.npy")


def test_an_array_with_more_bytes_than_its_header_says(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.zeros(4, np.uint8))
    with (tmp_path / "f.npy").open("ab") as file:
        file.write(b"0")
    with pytest.raises(ArrayFormatError, match="found 133 bytes, where 132 must be"):
        read(tmp_path / "f.npy")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_that_is_damaged(tmp_path: Path, save: Any) -> None:
    path = tmp_path / "f.npz"
    save(path, np.arange(1000))
    whole = path.read_bytes()
    for damaged in (whole[:-30], whole[:300] + b"??" + whole[302:]):
        path.write_bytes(damaged)
        with pytest.raises(ArrayFormatError, match=r"f.npz: expected a whole file of numpy"):
            read(path)


def test_an_archive_without_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(ArrayFormatError, match="found a zip archive without arrays"):
        read(tmp_path / "f.npz")


def test_names_of_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", x_train=np.zeros(3), x_test=np.zeros(2))
    with pytest.raises(
        ArrayFormatError, match="found the arrays x_train, x_test; name one in the recipe"
    ):
        read(tmp_path / "f.npz")
    with pytest.raises(ArrayFormatError, match=r"expected an array 'xtrain'.*did you mean x_train"):
        read(tmp_path / "f.npz", "xtrain")
    np.save(tmp_path / "f.npy", np.zeros(3))
    with pytest.raises(ArrayFormatError, match=r"expected an .npz with named arrays"):
        read(tmp_path / "f.npy", "x")


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.npy"
    for array in (np.zeros((40, 3)), np.asfortranarray(np.zeros((40, 3)))):
        np.save(path, array)
        content = RawContent.unhashed(path, tmp_path / "copy", None)
        header = read_array_header(content)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(ChangedFileError, match="leave the file alone while it is read"):
            read_array_rows(path, header, 0, 40)
