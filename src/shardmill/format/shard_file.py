"""Writes shards, and checks files against their records."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from shardmill.errors import DamagedFileError
from shardmill.format.file_record import FileRecord
from shardmill.format.layout import Extent, Field, shard_header, shard_layout

# A header is read into memory before anything in it can be trusted.
HEADER_LIMIT = 100 * 2**20
_CHUNK = 2**20


def write_shard(
    path: Path,
    fields: Sequence[Field],
    tensors: Mapping[str, npt.NDArray[np.generic]],
    *,
    values: Mapping[str, int],
) -> tuple[int, str]:
    """Write a shard. It is not flushed to disk here; whoever puts it in place does that.

    Args:
        path: The file to write, which must not exist.
        fields: The fields of the split.
        tensors: A tensor `<field>` for every field, and `<field>.offsets` and `<field>.sizes` for
            ragged fields.
        values: How many values the rows of each ragged field hold together.

    Returns:
        The size of the file in bytes and its xxh3_128.

    Raises:
        OSError: The file cannot be written.
        ValueError: A tensor has another shape than the fields lay out.
    """
    rows = len(next(tensors[f"{f.name}.sizes" if f.ragged else f.name] for f in fields))
    extents = shard_layout(fields, rows, values)
    digest = xxhash.xxh3_128()
    size = 0
    with path.open("xb") as file:
        blocks = [memoryview(shard_header(extents))]
        blocks += [_extent_bytes(extent, tensors) for extent in extents]
        for block in blocks:
            file.write(block)
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def _extent_bytes(extent: Extent, tensors: Mapping[str, npt.NDArray[np.generic]]) -> memoryview:
    if extent.name not in tensors:  # padding
        return memoryview(bytes(extent.stop - extent.start))
    array = np.ascontiguousarray(tensors[extent.name], np.dtype(extent.dtype).newbyteorder("<"))
    if array.shape != extent.shape:
        raise ValueError(f"{extent.name}: shape {array.shape} where {extent.shape} was laid out")
    return array.reshape(-1).view(np.uint8).data


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of any safetensors file, checked against the size of the file.

    Raises:
        DamagedFileError: The header or the data does not fit in the file, or is no safetensors.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > min(HEADER_LIMIT, size - 8):
                raise _damaged(path, "a header that fits in the file", f"one of {length:,} bytes")
            header = json.loads(file.read(length))
        extents = [v["data_offsets"] for k, v in header.items() if k != "__metadata__"]
        end = 0
        for start, stop in sorted((start, stop) for start, stop in extents):
            if not isinstance(start, int) or not isinstance(stop, int):
                raise TypeError("data_offsets are two integers")
            if start != end or stop < start:
                raise _damaged(path, f"a tensor from byte {end:,} on", f"one from {start:,} on")
            end = stop
    except OSError as error:
        raise _damaged(path, "a shard", str(error.strerror)) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(path, "a safetensors header", str(error)) from None
    if 8 + length + end != size:
        raise _damaged(path, f"{8 + length + end:,} bytes", f"{size:,} bytes")
    return dict(header)


def check_file(artifact: Path, record: FileRecord) -> None:
    """Read a whole file of an artifact and compare its size and checksum.

    Raises:
        DamagedFileError: The file is missing, or differs from its record.
    """
    check_whole(artifact / record.path, record)


def check_whole(path: Path, record: FileRecord) -> None:
    """Read a whole file and compare its size and checksum with those of a record.

    Raises:
        DamagedFileError: The file is missing, or differs from its record.
    """
    digest = xxhash.xxh3_128()
    size = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_CHUNK):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise _damaged(path, f"{record.bytes:,} bytes", str(error.strerror)) from None
    if size != record.bytes:
        raise _damaged(path, f"{record.bytes:,} bytes", f"{size:,} bytes")
    if digest.hexdigest() != record.xxh3_128:
        raise _damaged(path, f"xxh3_128 {record.xxh3_128}", digest.hexdigest())


def _damaged(path: Path, expected: str, found: str) -> DamagedFileError:
    return DamagedFileError(
        path,
        expected=expected,
        found=found,
        fix="build the artifact again with `shardmill preprocess --force`, or copy it anew",
    )
