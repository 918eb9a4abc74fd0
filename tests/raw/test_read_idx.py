"""IDX files come out as they were written, and never promise more than they hold."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from shardmill.errors import (
    ArrayFormatError,
    ChangedFileError,
    CompressionError,
    EmptyFileError,
    IdxSizeError,
)
from shardmill.raw.read_array import read_array_rows
from shardmill.raw.read_idx import read_idx_header

Array = npt.NDArray[np.generic]
CODES = {
    "uint8": 0x08,
    "int8": 0x09,
    "int16": 0x0B,
    "int32": 0x0C,
    "float32": 0x0D,
    "float64": 0x0E,
}


def encode(array: Array) -> bytes:
    header = bytes([0, 0, CODES[array.dtype.name], array.ndim])
    header += struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(path: Path, content: bytes) -> tuple[Path, int]:
    path.write_bytes(content)
    return path, len(content)


def read(path: Path, content_bytes: int, rows: int = 2**20) -> list[Array]:
    """The whole file, `rows` rows at a time, the last ones first."""
    header = read_idx_header(path, content_bytes)
    starts = range(0, header.shape[0], rows)
    return [
        read_array_rows(path, header, start, min(start + rows, header.shape[0]))
        for start in reversed(starts)
    ][::-1]


SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
ARRAYS = st.sampled_from(sorted(CODES)).flatmap(lambda dtype: arrays.arrays(dtype, SHAPES))


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(array=ARRAYS, rows=st.integers(1, 6), compressed=st.booleans())
def test_any_cut_put_together_is_the_array(
    tmp_path: Path, array: Array, rows: int, compressed: bool
) -> None:
    content = encode(array)
    path = tmp_path / "f"
    path.write_bytes(gzip.compress(content, 1) if compressed else content)
    batches = read(path, len(content), rows)
    assert [len(batch) for batch in batches[:-1]] == [rows] * (len(batches) - 1)
    found = np.concatenate(batches)
    assert found.dtype == array.dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, array)  # NaN equals NaN here


@pytest.mark.parametrize(("name", "code"), CODES.items())
@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 2, 4), (3, 1, 2, 2)])
def test_header(tmp_path: Path, name: str, code: int, shape: tuple[int, ...]) -> None:
    content = encode(np.zeros(shape, name))
    assert content[2] == code
    header = read_idx_header(*write(tmp_path / "f", content))
    assert (header.dtype.name, header.shape) == (name, shape)
    assert header.row_bytes * shape[0] == len(content) - header.start


def test_values_are_big_endian(tmp_path: Path) -> None:
    content = bytes.fromhex("00000b01 00000002 0102 ff00")
    (batch,) = read(*write(tmp_path / "f", content))
    assert batch.tolist() == [0x0102, -256]


FORMATS = [
    # start of the file, what is wrong
    ("00010801 00000001 00", "third byte of magic is not the type"),
    ("00000a01 00000001 00", "0x0a is no type"),
    ("00000f01 00000001 00", "0x0f is no type"),
    ("00000800 00", "no dimensions"),
    ("000008", "cut short inside the magic number"),
    ("1f8b", "cut short inside the magic number of gzip"),
]


@pytest.mark.parametrize(("content", "_what"), FORMATS[:-1])
def test_no_idx_file(tmp_path: Path, content: str, _what: str) -> None:
    path, size = write(tmp_path / "f", bytes.fromhex(content))
    shown = bytes.fromhex(content)[:4].hex(" ")
    with pytest.raises(ArrayFormatError, match=rf"f: expected an IDX file.*, found {shown};"):
        read_idx_header(path, size)


SIZES = [
    # content, message
    ("00000803 00000002 0000", "expected 3 dimensions, found the end of the file after 1"),
    ("00000801", "expected 1 dimensions, found the end of the file after 0"),
    ("00000801 00000003 0102", "expected 11 bytes for 3 uint8, found 10"),
    ("00000801 00000003 01020304", "expected 11 bytes for 3 uint8, found 12"),
    ("00000d02 00000002 00000001 00000000", "expected 20 bytes for 2 x 1 float32, found 16"),
    ("00000801 ffffffff 00", "expected 4,294,967,303 bytes for 4294967295 uint8, found 9"),
]


@pytest.mark.parametrize(("content", "message"), SIZES)
def test_dimensions_that_promise_another_size(tmp_path: Path, content: str, message: str) -> None:
    path, size = write(tmp_path / "f", bytes.fromhex(content))
    with pytest.raises(IdxSizeError, match=f"f: {message};"):
        read_idx_header(path, size)


def test_promise_of_2_to_the_120_bytes_allocates_nothing(tmp_path: Path) -> None:
    path, size = write(tmp_path / "f", bytes([0, 0, 0x08, 4]) + struct.pack(">I", 2**30) * 4)
    assert size == 20
    tracemalloc.start()
    with pytest.raises(IdxSizeError, match="expected 1,329,227,995,784,915,872,903,807,060,280"):
        read_idx_header(path, size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_product_that_would_wrap_around_in_64_bits(tmp_path: Path) -> None:
    path, size = write(tmp_path / "f", bytes([0, 0, 0x08, 2]) + struct.pack(">2I", 2**31, 2**31))
    with pytest.raises(IdxSizeError, match="found 12;"):
        read_idx_header(path, size)


@pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (3, 0)])
def test_no_rows(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path, size = write(tmp_path / "f", encode(np.zeros(shape, np.uint8)))
    with pytest.raises(EmptyFileError, match="f: expected at least one row, found none"):
        read_idx_header(path, size)


def test_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    content = encode(np.arange(6, dtype=np.int32))
    header = read_idx_header(*write(tmp_path / "f", content))
    (tmp_path / "f").write_bytes(content[:-1])
    with pytest.raises(ChangedFileError, match="leave the file alone while it is read"):
        read_array_rows(tmp_path / "f", header, 0, 6)


def test_compression_that_is_cut_short_while_it_is_read(tmp_path: Path) -> None:
    content = encode(np.arange(600, dtype=np.int32))
    path = tmp_path / "f"
    path.write_bytes(gzip.compress(content))
    header = read_idx_header(path, len(content))
    path.write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(CompressionError, match="f: expected a whole gzip file"):
        read_array_rows(path, header, 0, 600)


def test_more_dimensions_than_numpy_has(tmp_path: Path) -> None:
    path, size = write(tmp_path / "f", bytes([0, 0, 0x08, 65]) + struct.pack(">I", 1) * 65 + b"x")
    with pytest.raises(ArrayFormatError):
        read(path, size)
