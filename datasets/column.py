"""The rows of one tensor of a split, whichever shards they lie in."""

import math
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from shardmill.datasets.span import Piece, can_map_spans, map_span, open_checked
from shardmill.errors import ManifestError
from shardmill.layout import ALIGNMENT, DTYPES, Extent, round_up, shard_header, shard_layout
from shardmill.manifest import SplitRecord


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of one tensor of a split are.

    Attributes:
        name: of the tensor.
        dtype: torch's.
        shape: of one row.
        stride: the rows of shard s begin at s * stride.
        rows: last of them, plus one.
        pieces: their bytes, by shard.
    """

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: int
    rows: int
    pieces: tuple[Piece, ...]


class Column(Protocol):
    """Rows by number, from 0 up to `source.rows`."""

    source: Source

    def gather(self, rows: Tensor) -> Tensor:
        """Return copies of `rows` [b] int64 as a fresh tensor [b, *shape]."""
        ...

    def windows(self, starts: Tensor, width: int) -> Tensor:
        """Return the `width` values from each of `starts` [b] int64 on as a fresh [b, width].

        For flat columns. A start is that of a row, and no row is longer than `width`; what stands
        past a row's end is of no meaning.
        """
        ...


class SpanColumn:
    """All shards side by side in one span of memory; a gather is one `index_select`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        elements = source.rows * math.prod(source.shape)
        block = map_span(source.pieces, elements * source.dtype.itemsize)
        # torch takes writable memory without a warning alone, so this tensor says that it is.
        # It never leaves this class.
        flat = torch.frombuffer(block, dtype=torch.uint8)[: elements * source.dtype.itemsize]
        self._rows = flat.view(source.dtype).view(source.rows, *source.shape)

    def gather(self, rows: Tensor) -> Tensor:
        """See `Column`."""
        return self._rows.index_select(0, rows)

    def windows(self, starts: Tensor, width: int) -> Tensor:
        """See `Column`."""
        # All windows overlap in memory; the span has room for one past the end of each shard.
        every = self._rows.as_strided((len(self._rows) - width + 1, width), (1, 1))
        return every.index_select(0, starts)


class ShardColumn:
    """Each shard mapped by itself, where files cannot be mapped into a span: correct and slower."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._shards = [_map_piece(source, piece) for piece in source.pieces]

    def gather(self, rows: Tensor) -> Tensor:
        """See `Column`."""
        out = torch.zeros((len(rows), *self.source.shape), dtype=self.source.dtype)
        shards = torch.div(rows, self.source.stride, rounding_mode="floor")
        for shard in torch.unique(shards).tolist():
            places = torch.nonzero(shards == shard).squeeze(1)
            inside = rows[places] - shard * self.source.stride
            out[places] = self._shards[shard].index_select(0, inside)
        return out

    def windows(self, starts: Tensor, width: int) -> Tensor:
        """See `Column`."""
        lengths = torch.tensor([len(shard) for shard in self._shards])
        shards = torch.div(starts, self.source.stride, rounding_mode="floor")
        last = shards * self.source.stride + lengths[shards] - 1  # of the shard of each start
        places = torch.minimum(starts[:, None] + torch.arange(width), last[:, None])
        return self.gather(places.view(-1)).view(len(starts), width)


def _map_piece(source: Source, piece: Piece) -> Tensor:
    if piece.length == 0:
        return torch.empty((0, *source.shape), dtype=source.dtype)
    descriptor = open_checked(piece.path, piece.file_bytes)
    try:
        # Copy-on-write, since torch warns of read-only memory; nothing is ever written.
        mapped = mmap.mmap(descriptor, piece.file_bytes, access=mmap.ACCESS_COPY)
    finally:
        os.close(descriptor)
    elements = piece.length // source.dtype.itemsize
    flat = torch.frombuffer(mapped, dtype=source.dtype, offset=piece.start, count=elements)
    return flat.view(-1, *source.shape)


def open_columns(artifact: Path, split: SplitRecord) -> dict[str, Column]:
    """Map every tensor of a split.

    A field of fixed size is called by its name. A ragged one gives `<name>`, the values of all its
    rows, and `<name>.offsets` and `<name>.sizes` as the format has them.

    Raises:
        DamagedFileError: a shard is missing or of another size than the manifest says.
        ManifestError: the manifest contradicts itself.
    """
    spans = can_map_spans() and split.rows_per_shard_is_aligned()
    kind = SpanColumn if spans else ShardColumn
    return {source.name: kind(source) for source in _sources(artifact, split)}


def _sources(artifact: Path, split: SplitRecord) -> Iterator[Source]:
    layouts = [_placed_layout(artifact, split, index) for index in range(len(split.shards))]
    for field in split.fields:
        names = [field.name, f"{field.name}.offsets", f"{field.name}.sizes"]
        for name in names if field.ragged else names[:1]:
            extents = [layout[name] for layout in layouts]
            if not extents:  # a split without rows
                yield Source(name, _torch_dtype(field.dtype), field.shape, 1, 0, ())
                continue
            flat = field.ragged and name == field.name
            longest = max(shard.longest[name] for shard in split.shards) if flat else 0
            stride = _flat_stride(extents, longest) if flat else split.rows_per_shard
            yield Source(
                name,
                _torch_dtype(extents[0].dtype),
                extents[0].shape[1:],
                stride,
                stride * len(extents) if flat else split.rows,
                _pieces(artifact, split, extents, stride),
            )


def _placed_layout(artifact: Path, split: SplitRecord, index: int) -> dict[str, Extent]:
    # The layout of a shard with its header counted in, so that extents are places in the file.
    shard = split.shards[index]
    extents = shard_layout(split.fields, shard.rows, shard.values)
    header = len(shard_header(extents))
    if header + extents[-1].stop != shard.bytes:
        raise ManifestError(
            artifact / shard.path,
            expected=f"{header + extents[-1].stop:,} bytes for {shard.rows:,} rows",
            found=f"{shard.bytes:,} bytes in the manifest",
            fix="build the artifact again with `shardmill preprocess --force`",
        )
    return {e.name: replace(e, start=header + e.start, stop=header + e.stop) for e in extents}


def _flat_stride(extents: list[Extent], longest: int) -> int:
    # Room for one longest row past the end, so that a window of that width fits at any row.
    item = DTYPES[extents[0].dtype][1]
    most = max(extent.stop - extent.start for extent in extents)
    return round_up(most + longest * item, ALIGNMENT) // item


def _pieces(
    artifact: Path, split: SplitRecord, extents: list[Extent], stride: int
) -> tuple[Piece, ...]:
    row_bytes = math.prod(extents[0].shape[1:]) * DTYPES[extents[0].dtype][1]
    return tuple(
        Piece(
            artifact / shard.path,
            shard.bytes,
            extent.start,
            extent.stop - extent.start,
            index * stride * row_bytes,
        )
        for index, (shard, extent) in enumerate(zip(split.shards, extents, strict=True))
    )


def _torch_dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype
