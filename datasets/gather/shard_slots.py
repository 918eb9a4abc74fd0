"""A part of the shards of a split in memory, where a process may not map all of them.

A system limits how many regions a process may map (`vm.max_map_count` of Linux, 65,530). So one
span is cut into slots, and each slot takes the file of one shard, as a whole. A batch is still one
gather over the span, once the shards of its rows are in slots. The shard that was used longest ago
makes room for another.

A slot may be taken by another shard at any time, so nothing outside of `ShardSlots.held` reads the
span, and gathers copy.
"""

import math
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np
import numpy.typing as npt

from shardmill.datasets.gather.shard_files import ShardFiles
from shardmill.datasets.gather.span import (
    CHECKED_BYTES,
    FEW_MAPS,
    Span,
    can_map_files,
    clear_at,
    map_at,
    maps_left,
    read_into,
    reserve,
)
from shardmill.format.layout import ALIGNMENT, round_up

_READ_BYTES = 2**28  # what shards may take in memory where files are read instead of mapped

Numbers = npt.NDArray[np.int64]


class SlotFiles:
    """The files that go into slots.

    Attributes:
        files: Opens them.
        sizes: The size of each file in bytes, [S].
        slot_bytes: The size of a slot, which takes any of the files.
        room: How many bytes past the end of the last slot may be read.
        even: Whether all files fill a slot.

    Args:
        files: The files of the S shards.
        room: How many bytes past the end of any file may be read.
    """

    def __init__(self, files: ShardFiles, *, room: int) -> None:
        self.files = files
        self.sizes: Numbers = files.sizes
        self.room: int = round_up(room, ALIGNMENT)
        # Files are mapped at borders of pages, which may be larger than our alignment.
        border = math.lcm(ALIGNMENT, mmap.PAGESIZE)
        self.slot_bytes: int = round_up(int(self.sizes.max(initial=1)), border)
        smallest = int(self.sizes.min(initial=self.slot_bytes))
        self.even: bool = round_up(smallest, border) == self.slot_bytes


class ShardSlots:
    """Slots for the files of a split. Each process has slots of its own; its threads share them.

    Args:
        files: The files.
    """

    def __init__(self, files: SlotFiles) -> None:
        self.slot_bytes: int = files.slot_bytes
        self._files = files
        self._held: dict[int, HeldSlots] = {}  # by process

    @contextmanager
    def held(self) -> Iterator["HeldSlots"]:
        """Give the slots of this process to this thread alone.

        Raises:
            DamagedFileError: The largest file is missing, or has another size than promised.
            OSError: The system refuses the memory.
        """
        process = os.getpid()
        held = self._held.get(process)
        if held is None:
            # A process that was forked begins anew, since another thread may have been at work.
            held = self._held.setdefault(process, HeldSlots(self._files))
            for other in set(self._held) - {process}:
                self._held.pop(other, None)
        with held.lock:
            yield held


class HeldSlots:
    """The slots of one process: the span that they are cut from, and which shard is in which.

    Attributes:
        lock: What the thread holds that uses the slots.
        span: The memory. Slot s begins at s * `slot_bytes`.
    """

    def __init__(self, files: SlotFiles) -> None:
        self.lock: Lock = Lock()
        self._files = files
        most = len(files.sizes) if files.files.most is None else files.files.most
        self._slots = max(min(len(files.sizes), most), 1)  # in the span
        if not can_map_files():
            self._slots = min(self._slots, max(_READ_BYTES // files.slot_bytes, 1))
        self.span: Span = self._reserve()
        self._in_use = min(self._slots, FEW_MAPS)  # of them; more when they are needed
        self._slot_of: Numbers = np.full(len(files.sizes), -1)  # -1 for none
        self._shard_in: Numbers = np.full(self._slots, -1)
        self._used: Numbers = np.full(self._slots, -1)  # when, in gathers; -1 for a free slot
        self._now = 0

    def parts(self, shards: Numbers) -> Iterator[tuple[Numbers | slice, Numbers]]:
        """Yield which of `shards` [n] are in slots, and in which, part by part until all were.

        Raises:
            DamagedFileError: A file is missing, or has another size than promised.
            IndexError: There is no such shard.
            OSError: The system refuses a map.
        """
        if len(shards) > self._in_use:
            distinct, places = np.unique(shards, return_inverse=True)
            self._grow(len(distinct))
            if len(distinct) > self._in_use:
                for first in range(0, len(distinct), self._in_use):
                    inside = (places >= first) & (places < first + self._in_use)
                    yield np.flatnonzero(inside), self._placed(shards[inside])
                return
        yield slice(None), self._placed(shards)

    def _placed(self, shards: Numbers) -> Numbers:
        """Return the slots [n] of shards [n], which are all in slots then."""
        slots = self._slot_of[shards]
        self._now += 1
        missing = slots < 0
        if missing.any():
            self._used[slots[~missing]] = self._now  # so that these stay
            self._take_slots(np.unique(shards[missing]))
            slots = self._slot_of[shards]
        self._used[slots] = self._now
        return slots

    def _take_slots(self, shards: Numbers) -> None:
        self._grow(int((self._used[: self._in_use] >= 0).sum()) + len(shards))
        used = self._used[: self._in_use]
        oldest = np.argpartition(used, len(shards) - 1)[: len(shards)]
        if len(shards) > 1:
            self._files.files.announce(shards.tolist()[1:])
        for shard, slot in zip(shards.tolist(), oldest.tolist(), strict=True):
            before = self._shard_in[slot]
            if before >= 0:
                self._slot_of[before] = -1
            self._shard_in[slot] = self._used[slot] = -1  # in case that the file is refused
            self._fill(slot, shard)
            self._shard_in[slot], self._used[slot] = shard, self._now
            self._slot_of[shard] = slot  # last, since an interrupt may come between

    def _fill(self, slot: int, shard: int) -> None:
        files = self._files
        start, size = slot * files.slot_bytes, int(files.sizes[shard])
        descriptor = files.files.open(shard)
        try:
            if can_map_files():
                map_at(self.span, start, size, descriptor)
            else:
                memory = memoryview(self.span).cast("B")[start : start + size]
                read_into(memory, descriptor, 0)
        finally:
            os.close(descriptor)
        if can_map_files() and not files.even:  # nothing is left of a longer file before
            end = round_up(size, mmap.PAGESIZE)
            clear_at(self.span, start + end, files.slot_bytes - end)

    def _grow(self, wanted: int) -> None:
        """Use as many slots as are wanted, or as many as there are maps for."""
        maps = 1 if self._files.even else 2
        while self._in_use < min(wanted, self._slots):
            more = min(self._in_use, self._slots - self._in_use)
            if more * maps > maps_left() // 4:  # other splits and libraries map regions, too
                self._slots = self._in_use
            else:
                self._in_use += more

    def _reserve(self) -> Span:
        files = self._files
        if self._slots * files.slot_bytes > CHECKED_BYTES:
            os.close(files.files.open(int(files.sizes.argmax())))
        while True:
            try:
                return reserve(self._slots * files.slot_bytes + files.room)
            except OSError:
                if self._slots == 1:
                    raise
            self._slots = -(-self._slots // 2)
