"""The tensors of a split in memory, as buffers and as numpy arrays. Needs no torch."""

import math
import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from shardmill.datasets.gather.span import (
    Advice,
    ShardPieces,
    Span,
    advise,
    can_map_spans,
    map_spans,
    open_checked,
)
from shardmill.errors import ManifestError
from shardmill.format.layout import (
    ALIGNMENT,
    DTYPES,
    DTypeName,
    fixed_tensors,
    round_up,
    shard_layout,
)
from shardmill.format.manifest import ShardRecord, SplitRecord

Access = Literal["sequential", "random", "blocks"]

# Up to so many bytes, a split that will be read at random is first read ahead as a whole: a disk
# gives it in a moment, and one page fault after another takes ten times as long.
READ_AHEAD_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of one tensor of a split are.

    Attributes:
        name: The name of the tensor.
        dtype: The type of its elements.
        shape: The shape of one row.
        stride: Row numbers from one shard to the next: the rows of shard s begin at s * stride.
        rows: The last row number, plus one.
        flat: Whether it holds the values of all rows of a ragged field. Its "rows" are values then.
    """

    name: str
    dtype: DTypeName
    shape: tuple[int, ...]
    stride: int
    rows: int
    flat: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape) * DTYPES[self.dtype][1]


class MappedSplit:
    """Every tensor of a split, mapped when first asked for.

    A field of fixed size is one tensor, called by its name. A ragged one is three: `<name>`, the
    values of all its rows, and `<name>.offsets` and `<name>.sizes` as the format has them.

    Where the system maps files at given addresses, each tensor is one span over all shards;
    otherwise each shard is mapped by itself, which is correct and slower.

    Raises:
        DamagedFileError: A shard is missing or of another size than the manifest says.
        ManifestError: The manifest contradicts itself.
    """

    def __init__(self, artifact: Path, record: SplitRecord) -> None:
        self.artifact = artifact
        self.record = record
        self._expected: Access | None = None
        self.in_spans: bool = can_map_spans() and record.rows_per_shard_is_aligned()

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """Where the rows of each tensor are, by name."""
        return {source.name: source for source in self._sources()}

    @cached_property
    def spans(self) -> Mapping[str, Span]:
        """The memory of each tensor, if `in_spans`."""
        sizes = [source.rows * source.row_bytes for source in self.sources.values()]
        return dict(zip(self.sources, map_spans(sizes, self._shard_pieces()), strict=True))

    @cached_property
    def shards(self) -> Mapping[str, list[memoryview]]:
        """The memory of each tensor, shard by shard."""
        shards = list(self._shard_pieces())
        # Copy-on-write, since torch warns of read-only memory; nothing is ever written.
        files = [memoryview(_map_file(shard.path, shard.bytes)) for shard in shards]
        return {
            name: [
                file[start : start + length]
                for file, shard in zip(files, shards, strict=True)
                for start, length, _ in [shard.pieces[at]]
            ]
            for at, name in enumerate(self.sources)
        }

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return all rows of a tensor [rows, *shape], read-only: mapped, or copied if not in spans.

        The rows of a flat tensor keep the places that `sources` gives them, with zeros between.
        """
        source = self.sources[name]
        dtype = np.dtype(source.dtype)
        if self.in_spans:
            memory = memoryview(self.spans[name]).toreadonly()
            count = source.rows * math.prod(source.shape)
            return np.frombuffer(memory, dtype, count).reshape(source.rows, *source.shape)
        shards = self.shards[name]  # looked at before anything is allocated
        rows = np.zeros((source.rows, *source.shape), dtype)
        for index, shard in enumerate(shards):
            part = np.frombuffer(shard, dtype).reshape(-1, *source.shape)
            rows[index * source.stride : index * source.stride + len(part)] = part
        return read_only(rows)

    def expect(self, access: Access) -> None:
        """Tell the system in which way all rows will be read.

        For rows at random from a split that is larger than memory, the system is told not to read
        the neighbours of each row.
        """
        if access == self._expected or not self.in_spans:
            return
        total = sum(source.rows * source.row_bytes for source in self.sources.values())
        if access == "sequential":
            self.advise("sequential")
        elif access == "random" and total > _memory_bytes():
            self.advise("random")
        else:
            self.advise("normal")
        if access == "random" and self._expected is None and total <= READ_AHEAD_BYTES:
            self.advise("will_need")
        self._expected = access

    def advise(self, advice: Advice, start: int = 0, stop: int | None = None) -> None:
        """Tell the system how rows [start, stop) will be read; without them, how all will be."""
        if not self.in_spans or self.record.rows == 0:
            return
        stop = self.record.rows if stop is None else stop
        for name, source in self.sources.items():
            first, last = self._values(name, start, stop) if source.flat else (start, stop)
            advise(self.spans[name], first * source.row_bytes, last * source.row_bytes, advice)

    def _values(self, name: str, start: int, stop: int) -> tuple[int, int]:
        # Returns the places of the values of rows [start, stop) of a ragged field: the first, and
        # one past the last.
        offsets, sizes = self.array(f"{name}.offsets"), self.array(f"{name}.sizes")
        shards = [row // self.record.rows_per_shard for row in (start, stop - 1)]
        first, last = (s * self.sources[name].stride for s in shards)
        return first + int(offsets[start]), last + int(offsets[stop - 1]) + int(sizes[stop - 1])

    def _sources(self) -> Iterator[Source]:
        record = self.record
        for field in record.fields:
            for tensor in fixed_tensors(field):
                fixed = (record.rows_per_shard, record.rows)
                yield Source(tensor.name, tensor.dtype, tensor.shape, *fixed, flat=False)
            if field.ragged:
                stride = self._flat_stride(field.name, DTYPES[field.dtype][1])
                rows = stride * len(record.shards)
                yield Source(field.name, field.dtype, (), stride, rows, flat=True)

    def _flat_stride(self, name: str, item_bytes: int) -> int:
        # There is room for one longest row past the end, so a window of that width fits at any row.
        most = max((shard.values[name] for shard in self.record.shards), default=0)
        longest = max((shard.longest[name] for shard in self.record.shards), default=0)
        return max(round_up((most + longest) * item_bytes, ALIGNMENT) // item_bytes, 1)

    def _shard_pieces(self) -> Iterator[ShardPieces]:
        strides = [source.stride * source.row_bytes for source in self.sources.values()]
        laid_out = lru_cache(maxsize=2)(self._layout)  # most shards of a split are laid out alike
        for index, shard in enumerate(self.record.shards):
            parts, end = laid_out(shard.rows, tuple(shard.values.items()))
            header = self._header_bytes(shard, end)
            pieces = tuple(
                [
                    (header + start, length, index * stride)
                    for (start, length), stride in zip(parts, strides, strict=True)
                ]
            )
            yield ShardPieces(f"{self.artifact}/{shard.path}", shard.bytes, pieces)

    def _layout(
        self, rows: int, values: tuple[tuple[str, int], ...]
    ) -> tuple[list[tuple[int, int]], int]:
        # Returns start and length of each tensor of a shard, in the order of `sources`, and the end
        # of the last.
        extents = {e.name: e for e in shard_layout(self.record.fields, rows, dict(values))}
        mine = [extents[name] for name in self.sources]
        end = max(extent.stop for extent in extents.values())
        return [(extent.start, extent.stop - extent.start) for extent in mine], end

    def _header_bytes(self, shard: ShardRecord, end: int) -> int:
        # The header is all that stands before the tensors. The format makes it whole pages.
        header = shard.bytes - end
        if header < ALIGNMENT or header % ALIGNMENT:
            raise ManifestError(
                self.artifact / shard.path,
                expected=f"a header of whole pages and {end:,} bytes for {shard.rows:,} rows",
                found=f"{shard.bytes:,} bytes in the manifest",
                fix="build the artifact again with `shardmill preprocess --force`",
            )
        return header


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a view of an array that cannot be made writable again."""
    return np.asarray(array.data.toreadonly())


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _map_file(path: str, file_bytes: int) -> mmap.mmap:
    descriptor = open_checked(path, file_bytes)
    try:
        return mmap.mmap(descriptor, file_bytes, access=mmap.ACCESS_COPY)
    finally:
        os.close(descriptor)
