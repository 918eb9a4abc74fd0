"""Spans over all shards of a split whose files come into a cache one by one.

A shard is mapped into its place when a row of it is wanted first. What is not mapped reads as
zeros, so whoever gathers rows says before which shards they lie in.
"""

import os
from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from shardmill.datasets.gather.shard_files import ShardFiles
from shardmill.datasets.gather.span import ShardPieces, Span, map_shard, reserve


class ComingSpans:
    """A span of each tensor, over all S shards of a split.

    Attributes:
        spans: The span of each tensor.
        whole: Whether all shards are mapped.

    Args:
        files: Opens the files of the shards.
        sizes: The size of each span in bytes.
        pieces: A function that returns where the tensors of a shard are, and belong.

    Raises:
        OSError: The system refuses the memory.
    """

    def __init__(
        self, files: ShardFiles, sizes: Sequence[int], pieces: Callable[[int], ShardPieces]
    ) -> None:
        self.spans: list[Span] = [reserve(size) for size in sizes]
        self.whole: bool = False
        self._files = files
        self._pieces = pieces
        self._missing = np.ones(len(files.sizes), bool)
        self._locks: dict[int, Lock] = {}  # by process

    def need(self, shards: npt.NDArray[np.int64]) -> None:
        """Make sure that shards [n] are mapped. Those that are missing come side by side.

        Raises:
            DamagedFileError: The store has other bytes than a record says.
            IndexError: There is no such shard.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
            OSError: The system refuses a map.
        """
        missing = self._missing[shards]
        if not missing.any():
            return
        # A process that was forked has a lock of its own, since another thread of its parent may
        # have held the other. It has a copy of what is mapped, too.
        with self._locks.setdefault(os.getpid(), Lock()):
            wanted = [
                shard for shard in np.unique(shards[missing]).tolist() if self._missing[shard]
            ]
            if len(wanted) > 1:
                self._files.bring(wanted)
            for shard in wanted:
                map_shard(self.spans, self._pieces(shard))
                self._missing[shard] = False
            self.whole = not self._missing.any()

    def need_all(self) -> None:
        """Make sure that all shards are mapped.

        Raises:
            DamagedFileError: The store has other bytes than a record says.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
            OSError: The system refuses a map.
        """
        self.need(np.arange(len(self._missing)))
