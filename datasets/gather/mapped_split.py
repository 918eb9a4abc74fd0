"""The tensors of a split in memory, as buffers and as numpy arrays. Needs no torch."""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from shardmill.datasets.gather.coming_spans import ComingSpans
from shardmill.datasets.gather.shard_files import CachedShards, LocalShards, ShardFiles
from shardmill.datasets.gather.shard_places import Places, find_places
from shardmill.datasets.gather.shard_slots import ShardSlots, SlotFiles
from shardmill.datasets.gather.span import (
    FEW_MAPS,
    Advice,
    ShardPieces,
    Span,
    advise,
    can_map_spans,
    map_spans,
    maps_left,
    read_into,
)
from shardmill.format.layout import ALIGNMENT, DTYPES, DTypeName, fixed_tensors, round_up
from shardmill.format.manifest import SplitRecord
from shardmill.format.shard_table import ShardCounts, counts_of

if TYPE_CHECKING:
    from shardmill.store.cached_artifact import CachedArtifact

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

    Args:
        artifact: The folder of the artifact.
        record: The record of the split.
        cached: What brings the files into that folder; None if they are there.

    A field of fixed size is one tensor, called by its name. A ragged one is three: `<name>`, the
    values of all its rows, and `<name>.offsets` and `<name>.sizes` as the format has them.

    Where the system maps so many files at given addresses, each tensor is one span over all shards.
    Otherwise some shards are in slots at a time. Gathers are then slower, and a shard that is
    missing or truncated is found when it is first needed.

    Raises:
        DamagedFileError: A shard is missing or of another size than the manifest says.
        ManifestError: The manifest contradicts itself.
    """

    def __init__(
        self, artifact: Path, record: SplitRecord, cached: "CachedArtifact | None" = None
    ) -> None:
        self.artifact = artifact
        self.record = record
        self._cached = cached
        self._expected: Access | None = None

    @cached_property
    def in_spans(self) -> bool:
        """Whether each tensor is one span of memory, rather than that shards are in slots."""
        if not can_map_spans() or not self.record.rows_per_shard_is_aligned():
            return False
        if self.files.most is not None:
            return False
        maps = len(self.record.shards) * len(self.sources)
        # Other splits and libraries map regions, too.
        return maps <= FEW_MAPS or maps <= maps_left() // 3

    @cached_property
    def counts(self) -> ShardCounts:
        """The numbers in the records of all shards."""
        return counts_of(self.record.shards, self.record.fields)

    @cached_property
    def files(self) -> ShardFiles:
        """What opens the files of the shards."""
        shards, sizes = self.record.shards, self.counts.bytes
        if self._cached is None:
            return LocalShards(self.artifact, shards, sizes)
        return CachedShards(self._cached, shards, sizes)

    @cached_property
    def places(self) -> Places:
        """Where each tensor is in the file of each shard: its start and its length in bytes."""
        return find_places(self.artifact, self.record, self.counts)

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """Where the rows of each tensor are, by name."""
        return {source.name: source for source in self._sources()}

    @cached_property
    def coming(self) -> ComingSpans | None:
        """What maps shards into the spans when they are wanted; None if all are mapped at once."""
        if not self.in_spans or self.files.here():
            return None
        return ComingSpans(self.files, self._span_bytes(), self._pieces_of())

    @cached_property
    def spans(self) -> Mapping[str, Span]:
        """The memory of each tensor, if `in_spans`."""
        if self.coming is None:
            shards = map(self._pieces_of(), range(len(self.record.shards)))
            spans = map_spans(self._span_bytes(), shards)
        else:
            spans = self.coming.spans
        return dict(zip(self.sources, spans, strict=True))

    @cached_property
    def slots(self) -> ShardSlots:
        """The memory of some shards, if not `in_spans`."""
        sources = self.sources.values()
        # A window of the longest row fits at any row, as in spans.
        room = max((self._longest(s.name) * s.row_bytes for s in sources if s.flat), default=0)
        return ShardSlots(SlotFiles(self.files, room=room))

    def need(self, rows: npt.NDArray[np.int64]) -> None:
        """Make sure that rows [n] can be gathered: in spans, their shards may have to come first.

        Raises:
            DamagedFileError: The store has other bytes than a record says.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
        """
        if self.coming is not None and not self.coming.whole:
            self.coming.need(rows // self.record.rows_per_shard)

    def bring(self) -> None:
        """Bring all shards into the cache, if it may hold them, for processes that cannot.

        Raises:
            DamagedFileError: The store has other bytes than a record says.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
        """
        if self.coming is not None:
            self.coming.need_all()
        elif self.files.most is None:
            self.files.bring(range(len(self.record.shards)))

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return all rows of a tensor [rows, *shape], read-only: mapped, or copied if not in spans.

        The rows of a flat tensor keep the places that `sources` gives them, with zeros between.
        """
        source = self.sources[name]
        dtype = np.dtype(source.dtype)
        self.bring()
        if self.in_spans:
            memory = memoryview(self.spans[name]).toreadonly()
            count = source.rows * math.prod(source.shape)
            return np.frombuffer(memory, dtype, count).reshape(source.rows, *source.shape)
        starts, lengths = (each.tolist() for each in self.places[name])
        shards = range(len(self.record.shards))
        if self.files.most is None:  # looked at before anything is allocated
            for shard in shards:
                os.close(self.files.open(shard))
        rows = np.zeros((source.rows, *source.shape), dtype)
        memory = rows.reshape(-1).view(np.uint8).data
        for shard in shards:
            first = shard * source.stride * source.row_bytes
            descriptor = self.files.open(shard)
            try:
                read_into(memory[first : first + lengths[shard]], descriptor, starts[shard])
            finally:
                os.close(descriptor)
        return read_only(rows)

    def expect(self, access: Access) -> None:
        """Tell the system in which way all rows will be read.

        For rows at random from a split that is larger than memory, the system is told not to read
        the neighbours of each row.
        """
        self.files.in_order = access == "sequential"
        if access == self._expected or not self._all_mapped():
            return
        total = sum(self._span_bytes())
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
        if self.record.rows == 0:
            return
        stop = self.record.rows if stop is None else stop
        if not self._all_mapped():
            if advice == "will_need" and start < stop:
                in_shard = self.record.rows_per_shard
                self.files.announce(range(start // in_shard, (stop - 1) // in_shard + 1))
            return
        for name, source in self.sources.items():
            first, last = self._values(name, start, stop) if source.flat else (start, stop)
            advise(self.spans[name], first * source.row_bytes, last * source.row_bytes, advice)

    def _all_mapped(self) -> bool:
        return self.in_spans and (self.coming is None or self.coming.whole)

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
        most = int(self.counts.values[name].max(initial=0)) + self._longest(name)
        return max(round_up(most * item_bytes, ALIGNMENT) // item_bytes, 1)

    def _longest(self, name: str) -> int:
        return int(self.counts.longest[name].max(initial=0))

    def _span_bytes(self) -> list[int]:
        return [source.rows * source.row_bytes for source in self.sources.values()]

    def _pieces_of(self) -> Callable[[int], ShardPieces]:
        tensors = [
            (*(each.tolist() for each in self.places[name]), source.stride * source.row_bytes)
            for name, source in self.sources.items()
        ]

        def of(shard: int) -> ShardPieces:
            pieces = [
                (starts[shard], lengths[shard], shard * stride)
                for starts, lengths, stride in tensors
            ]
            return ShardPieces(partial(self.files.open, shard), tuple(pieces))

        return of


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a view of an array that cannot be made writable again."""
    return np.asarray(array.data.toreadonly())


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
