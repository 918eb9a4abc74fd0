"""The files of the shards of a split: in a folder, or brought into a cache when they are wanted."""

import os
import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread, current_thread
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from shardmill.datasets.gather.span import open_checked
from shardmill.errors import ShardmillError
from shardmill.format.manifest import ShardRecord
from shardmill.format.shard_table import path_of

if TYPE_CHECKING:
    from shardmill.store.cached_artifact import CachedArtifact

# So many shards are brought ahead, side by side.
_AHEAD = 4
_END_S = 10.0

Numbers = npt.NDArray[np.int64]


class ShardFiles(Protocol):
    """Opens the files of S shards.

    Attributes:
        sizes: The size of each file in bytes, [S].
        most: How many shards may be mapped at a time; None for all.
        in_order: Whether the shards are read one after another.
    """

    sizes: Numbers
    most: int | None
    in_order: bool

    def here(self) -> bool:
        """Say whether all files are here."""
        ...

    def bring(self, shards: Iterable[int]) -> None:
        """Make sure that the files of shards are here."""
        ...

    def open(self, shard: int) -> int:
        """Open the file of a shard, and return its descriptor.

        Raises:
            DamagedFileError: The file is missing, or has another size than promised.
        """
        ...

    def announce(self, shards: Iterable[int]) -> None:
        """Say which shards will be wanted soon. There may be no shard of a number."""
        ...


class LocalShards:
    """The files in the folder of an artifact; see `ShardFiles`.

    Args:
        artifact: The folder of the artifact.
        shards: The records of the S shards.
        sizes: The size of each file in bytes, [S].
    """

    most: int | None = None
    in_order: bool = False

    def __init__(self, artifact: Path, shards: Sequence[ShardRecord], sizes: Numbers) -> None:
        self.sizes = sizes
        self._artifact = artifact
        self._shards = shards

    def here(self) -> bool:
        """Return True: what is missing is an error when it is opened."""
        return True

    def bring(self, shards: Iterable[int]) -> None:
        """Do nothing."""

    def open(self, shard: int) -> int:
        """Open the file of a shard, and return its descriptor.

        Raises:
            DamagedFileError: The file is missing, or has another size than promised.
        """
        path = f"{self._artifact}/{path_of(self._shards, shard)}"
        return open_checked(path, int(self.sizes[shard]))

    def announce(self, shards: Iterable[int]) -> None:
        """Do nothing."""


class CachedShards:
    """The files of an artifact in a cache; see `ShardFiles`.

    Args:
        artifact: The artifact.
        shards: The records of the S shards.
        sizes: The size of each file in bytes, [S].

    Raises:
        ValueError: The cache may not hold the largest shard.
    """

    in_order: bool = False

    def __init__(
        self, artifact: "CachedArtifact", shards: Sequence[ShardRecord], sizes: Numbers
    ) -> None:
        self.sizes = sizes
        self._artifact = artifact
        self._shards = shards
        self.most: int | None = None
        limit, largest = artifact.cache_bytes, int(sizes.max(initial=1))
        if limit is not None and limit < largest:
            raise ValueError(
                f"cache_bytes is at least {largest:,}, the size of a shard, not {limit}"
            )
        if limit is not None and limit < sum(sizes.tolist()):
            self.most = limit // largest
        # For so many that nobody has asked for yet.
        self._room = len(sizes) if self.most is None else self.most // 2
        self._wanted: deque[int] = deque()
        # The last ones that came, for which nothing is done: as many as the cache holds, and as
        # many again, since slots hold what the cache has given up.
        self._came: dict[int, None] = {}
        self._ahead: set[int] = set()  # those of them that nobody has asked for yet
        self._lock = Lock()
        self._process = os.getpid()
        self._threads: list[Thread] = []
        self._stop = Event()
        # A thread that Python waits for would keep a program from ending. One that Python ends by
        # itself may be in the middle of a library that cannot be ended.
        weakref.finalize(self, _end, self._stop, self._threads)

    def here(self) -> bool:
        """Say whether all files are in the cache."""
        return not self._artifact.missing(self._shards)

    def bring(self, shards: Iterable[int]) -> None:
        """Bring the files of shards into the cache, several side by side.

        Raises:
            DamagedFileError: The store has other bytes than a record says.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
        """
        self._artifact.bring(self._shards[shard] for shard in shards)

    def open(self, shard: int) -> int:
        """Open the file of a shard, which is brought first if need be; see `CachedArtifact.open`.

        Raises:
            DamagedFileError: The store has other bytes than the record says.
            StorageError: The store refused or failed.
            OutputError: The cache cannot be written.
        """
        found = self._artifact.open(self._shards[shard])
        if self._room and self._process == os.getpid():
            with self._lock:
                self._note(shard)
                self._ahead.discard(shard)
                if self.in_order:  # other ranks read those before it that nobody asked for here
                    self._ahead = {ahead for ahead in self._ahead if ahead > shard}
        if self.in_order:
            self.announce(range(shard + 1, shard + 1 + min(self._room, _AHEAD)))
        return found

    def announce(self, shards: Iterable[int]) -> None:
        """Have threads bring shards, as far as the cache has room for them."""
        if not self._room or self._process != os.getpid():
            return
        with self._lock:
            for shard in shards:
                if len(self._wanted) + len(self._ahead) >= self._room:
                    break
                known = shard in self._came or shard in self._wanted
                if shard < len(self._shards) and not known:
                    self._wanted.append(shard)
            while len(self._threads) < min(len(self._wanted), _AHEAD):
                self._threads.append(Thread(target=self._bring_ahead, daemon=True))
                self._threads[-1].start()

    def _note(self, shard: int) -> None:
        self._came.pop(shard, None)
        self._came[shard] = None
        if self.most is not None and len(self._came) > 2 * self.most:
            oldest = next(iter(self._came))
            del self._came[oldest]
            self._ahead.discard(oldest)

    def _bring_ahead(self) -> None:
        while True:
            with self._lock:
                if self._stop.is_set() or not self._wanted:
                    self._threads.remove(current_thread())
                    return
                shard = self._wanted.popleft()
                self._note(shard)
                self._ahead.add(shard)
            # Whoever wants the shard is told what is wrong.
            with suppress(ShardmillError):
                self._artifact.bring_ahead(self._shards[shard], self._stop.is_set)


def _end(stop: Event, threads: list[Thread]) -> None:
    stop.set()
    for thread in threads[:]:
        if thread is not current_thread():
            thread.join(_END_S)
