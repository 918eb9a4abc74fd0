"""Shards read back as any safetensors file; damaged ones are refused by name."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xxhash
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst
from safetensors.numpy import load_file

from shardmill.errors import DamagedFileError
from shardmill.format.layout import DTYPES, DTypeName, Field
from shardmill.format.manifest import FileRecord
from shardmill.format.shard_file import HEADER_LIMIT, check_file, read_header, write_shard

Tensors = dict[str, npt.NDArray[Any]]
FIX = r"; build the artifact again with `shardmill preprocess --force`, or copy it anew$"

# A tiny shard of fixed-size fields, byte by byte.
TINY_FIELDS = [Field.input("float32", (2,)), Field.target("class", "int64")]
TINY_TENSORS: Tensors = {
    "x": np.array([[1, 2], [0.5, -2]], np.float32),
    "y": np.array([1, 2**33], np.int64),
}
TINY_HEADER = (
    '{"__metadata__":{"shardmill":"1"},'
    '"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},'
    '"__padding_1__":{"dtype":"U8","shape":[16368],"data_offsets":[16,16384]},'
    '"y":{"dtype":"I64","shape":[2],"data_offsets":[16384,16400]}}'
)
TINY_BYTES = (
    bytes.fromhex("f83f000000000000")  # 16,384 - 8, little-endian
    + TINY_HEADER.encode().ljust(16_376)
    + bytes.fromhex("0000803f 00000040 0000003f 000000c0").ljust(16_384, b"\0")
    + bytes.fromhex("0100000000000000 0000000002000000")
)
TINY_DIGEST = "c19850c786b882a10936f314815b89e8"


def write_tiny(folder: Path) -> FileRecord:
    size, digest = write_shard(folder / "tiny", TINY_FIELDS, TINY_TENSORS, values={})
    return FileRecord(path="tiny", bytes=size, xxh3_128=digest)


def test_golden_bytes(tmp_path: Path) -> None:
    record = write_tiny(tmp_path)
    assert (tmp_path / "tiny").read_bytes() == TINY_BYTES
    assert (record.bytes, record.xxh3_128) == (32_784, TINY_DIGEST)
    assert xxhash.xxh3_128_hexdigest(TINY_BYTES) == TINY_DIGEST


def arrays(dtype: DTypeName, shape: tuple[int, ...]) -> st.SearchStrategy[npt.NDArray[Any]]:
    return npst.arrays(np.dtype(dtype), shape)


@st.composite
def shards(draw: st.DrawFn) -> tuple[list[Field], Tensors, dict[str, int]]:
    """Fields, their tensors, and how many values the ragged ones hold."""
    rows = draw(st.integers(1, 5))
    fields: list[Field] = []
    tensors: Tensors = {}
    values: dict[str, int] = {}
    for name in draw(st.lists(st.sampled_from("xyz"), min_size=1, unique=True)):
        dtype = draw(st.sampled_from(sorted(DTYPES)))
        if draw(st.booleans()):
            sizes = draw(npst.arrays(np.int32, rows, elements=st.integers(0, 4)))
            values[name] = int(sizes.sum())
            tensors[f"{name}.sizes"] = sizes
            tensors[f"{name}.offsets"] = np.cumsum(sizes, dtype=np.int64) - sizes
            tensors[name] = draw(arrays(dtype, (values[name],)))
            fields.append(Field(name, dtype, ragged=True))
        else:
            shape = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
            tensors[name] = draw(arrays(dtype, (rows, *shape)))
            fields.append(Field(name, dtype, shape))
    return fields, tensors, values


@settings(max_examples=100, deadline=None)
@given(shards())
def test_any_shard_reads_back_as_safetensors(
    shard: tuple[list[Field], Tensors, dict[str, int]],
) -> None:
    fields, tensors, values = shard
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard"
        size, digest = write_shard(path, fields, tensors, values=values)
        found = load_file(path)
        check_file(Path(folder), FileRecord(path="shard", bytes=size, xxh3_128=digest))
        header = read_header(path)
    assert set(found) == set(header) - {"__metadata__"}
    paddings = {name: found.pop(name) for name in header if name.startswith("__padding_")}
    assert not any(padding.any() for padding in paddings.values())
    assert set(found) == set(tensors)
    for name, expected in tensors.items():
        assert found[name].dtype == expected.dtype, name
        assert found[name].shape == expected.shape, name
        assert found[name].tobytes() == expected.tobytes(), name  # bit for bit, NaNs included


def test_strides_and_byte_order_leave_no_trace(tmp_path: Path) -> None:
    tensors = {"x": np.asfortranarray(TINY_TENSORS["x"]), "y": TINY_TENSORS["y"].astype(">i8")}
    write_shard(tmp_path / "tiny", TINY_FIELDS, tensors, values={})
    assert (tmp_path / "tiny").read_bytes() == TINY_BYTES


def test_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tiny").write_text("mapped by a reader")
    with pytest.raises(FileExistsError):
        write_tiny(tmp_path)
    assert (tmp_path / "tiny").read_text() == "mapped by a reader"


def test_tensor_of_another_shape_is_refused(tmp_path: Path) -> None:
    tensors = {**TINY_TENSORS, "y": np.zeros(3, np.int64)}
    with pytest.raises(ValueError, match=r"y: shape \(3,\) where \(2,\) was laid out"):
        write_shard(tmp_path / "tiny", TINY_FIELDS, tensors, values={})


def test_check_file_missing(tmp_path: Path) -> None:
    record = write_tiny(tmp_path)
    (tmp_path / "tiny").unlink()
    match = r"/tiny: expected 32,784 bytes, found No such file or directory" + FIX
    with pytest.raises(DamagedFileError, match=match):
        check_file(tmp_path, record)


@pytest.mark.parametrize("change", [-32_784, -1, 1])
def test_check_file_shorter_or_longer(tmp_path: Path, change: int) -> None:
    record = write_tiny(tmp_path)
    (tmp_path / "tiny").write_bytes((TINY_BYTES + b"\0")[: len(TINY_BYTES) + change])
    match = rf"/tiny: expected 32,784 bytes, found {32_784 + change:,} bytes" + FIX
    with pytest.raises(DamagedFileError, match=match):
        check_file(tmp_path, record)


# In the header's length, the header, its padding, a tensor, a padding tensor, the last byte.
@pytest.mark.parametrize("position", [0, 9, 16_383, 16_384, 16_500, 32_783])
def test_check_file_flipped_byte(tmp_path: Path, position: int) -> None:
    record = write_tiny(tmp_path)
    content = bytearray(TINY_BYTES)
    content[position] ^= 1
    (tmp_path / "tiny").write_bytes(content)
    digest = xxhash.xxh3_128_hexdigest(content)
    match = rf"/tiny: expected xxh3_128 {TINY_DIGEST}, found {digest}" + FIX
    with pytest.raises(DamagedFileError, match=match):
        check_file(tmp_path, record)


def test_check_file_reads_past_the_first_chunk(tmp_path: Path) -> None:
    content = bytes(range(256)) * 2**13  # 2 MiB
    (tmp_path / "big").write_bytes(content)
    digest = xxhash.xxh3_128_hexdigest(content)
    check_file(tmp_path, FileRecord(path="big", bytes=len(content), xxh3_128=digest))


def write_with_header(folder: Path, header: str, data: bytes = b"") -> Path:
    path = folder / "shard"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode() + data)
    return path


def test_read_header_of_any_safetensors_file(tmp_path: Path) -> None:
    header = '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}  '
    path = write_with_header(tmp_path, header, b"ab")
    assert read_header(path) == {"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}


def test_read_header_without_tensors(tmp_path: Path) -> None:
    path = write_with_header(tmp_path, '{"__metadata__":{"k":"v"}}')
    assert read_header(path) == {"__metadata__": {"k": "v"}}


@pytest.mark.parametrize(
    ("content", "length"),
    [
        (b"", "0"),
        # less than the eight bytes of the length
        (b"\x02\0\0", "2"),
        # one byte more than the file has
        (b"\x03" + bytes(7) + b"{}", "3"),
        # all eight bytes count
        (bytes(7) + b"\x01" + b"{}", "72,057,594,037,927,936"),
    ],
)
def test_read_header_longer_than_the_file(tmp_path: Path, content: bytes, length: str) -> None:
    path = tmp_path / "shard"
    path.write_bytes(content)
    match = rf"/shard: expected a header that fits in the file, found one of {length} bytes" + FIX
    with pytest.raises(DamagedFileError, match=match):
        read_header(path)


def test_read_header_beyond_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes((HEADER_LIMIT + 1).to_bytes(8, "little"))
    with path.open("r+b") as file:
        file.truncate(2 * HEADER_LIMIT)  # sparse: takes no space
    with pytest.raises(DamagedFileError, match="fits in the file, found one of 104,857,601 bytes"):
        read_header(path)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        # JSON, but no table
        ("[]", "'list' object has no attribute 'items'"),
        ('{"a":1}', "'int' object is not subscriptable"),
        ('{"a":{}}', "'data_offsets'"),
        ('{"a":{"data_offsets":[0]}}', "not enough values"),
        ('{"a":{"data_offsets":[0,1]},"b":{"data_offsets":[1,"2"]}}', "two integers"),
        ('{"a":{"data_offsets":[0,null]}}', "two integers"),
        ('{"a":' + "[" * 100_000, "recursion"),
    ],
)
def test_read_header_not_safetensors(tmp_path: Path, header: str, found: str) -> None:
    path = write_with_header(tmp_path, header)
    with pytest.raises(DamagedFileError, match=f"expected a safetensors header, found .*{found}"):
        read_header(path)


def test_read_header_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"\x04" + bytes(7) + b'{"\xff"')
    with pytest.raises(DamagedFileError, match=r"expected a safetensors header, found .*decode"):
        read_header(path)


@pytest.mark.parametrize("change", [-16, -1, 1, 16_384])
def test_read_header_data_longer_or_shorter(tmp_path: Path, change: int) -> None:
    path = tmp_path / "tiny"
    path.write_bytes((TINY_BYTES + bytes(16_384))[: len(TINY_BYTES) + change])
    match = rf"/tiny: expected 32,784 bytes, found {32_784 + change:,} bytes" + FIX
    with pytest.raises(DamagedFileError, match=match):
        read_header(path)
