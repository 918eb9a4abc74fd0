"""The cache of a node in simulated time, as the modules of `shardmill.store` keep it."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulation.events import Clock, Event, Process
from simulation.network import Network

from shardmill.datasets.gather.shard_files import _AHEAD
from shardmill.store.side_by_side import _SIDE_BY_SIDE


@dataclass(slots=True)
class Counts:
    """What a cache has been asked for.

    Attributes:
        opened: How many times the file of a shard was opened to be mapped.
        found: How many of them found the whole file.
        requests: How many files were asked of the store.
    """

    opened: int = 0
    found: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Shards:
    """The shards in a store, and how nodes keep them.

    Attributes:
        sizes: The size of each shard in bytes, [S].
        cache_bytes: How many bytes the cache of a node may hold; None for any number.
        latency_s: How long the store takes until an answer begins.
        write_s: How long a node takes until a file that has come is on its disk.
    """

    sizes: Sequence[int]
    cache_bytes: int | None
    latency_s: float
    write_s: float


class NodeCache:
    """The files of shards that a node holds. All ranks of a node share one.

    Attributes:
        counts: What it has been asked for.
        shards: The shards.

    Args:
        clock: The clock.
        network: The network.
        shards: The shards.
        node: The number of the node.
    """

    def __init__(self, clock: Clock, network: Network, shards: Shards, *, node: int) -> None:
        self.counts = Counts()
        self.shards = shards
        self._clock = clock
        self._network = network
        self._node = node
        self._whole: OrderedDict[int, None] = OrderedDict()  # the one used longest ago is first
        self._coming: dict[int, Event] = {}
        self._bytes = 0  # of both

    def open(self, shard: int) -> Process:
        """Open a file, which is brought first if need be."""
        self.counts.opened += 1
        self.counts.found += shard in self._whole
        yield from self.bring(shard)

    def bring(self, shard: int, *, wait: bool = True) -> Process:
        """Bring a file unless it is here. Wait for somebody else who brings it, or leave it."""
        while shard not in self._whole:
            if shard in self._coming:
                if not wait:
                    return
                yield self._coming[shard]
                continue
            came = self._coming[shard] = Event()
            size = self.shards.sizes[shard]
            self._bytes += size
            self._make_room()
            self.counts.requests += 1
            yield self.shards.latency_s
            yield from self._network.download(self._node, size)
            yield self.shards.write_s
            del self._coming[shard]
            self._whole[shard] = None
            self._clock.happen(came)
        self._whole.move_to_end(shard)

    def bring_side_by_side(self, shards: Sequence[int]) -> Process:
        """Bring files, several at a time."""
        missing = deque(shard for shard in shards if shard not in self._whole)
        for shard in shards:
            if shard in self._whole:
                self._whole.move_to_end(shard)
        ends = [Event() for _ in range(_SIDE_BY_SIDE)]
        for end in ends:
            self._clock.start(self._bring_some(missing, end))
        yield from ends

    def _bring_some(self, missing: deque[int], end: Event) -> Process:
        while missing:
            yield from self.bring(missing.popleft())
        self._clock.happen(end)

    def _make_room(self) -> None:
        # Files that are coming count as whole, and stay.
        limit = self.shards.cache_bytes
        while limit is not None and self._bytes > limit and self._whole:
            shard, _ = self._whole.popitem(last=False)
            self._bytes -= self.shards.sizes[shard]


class FilesAhead:
    """The files that a process has brought ahead, as `CachedShards` does.

    Args:
        clock: The clock.
        cache: The cache of the node.
        most: How many shards the process may map at a time; None for all.
        in_order: Whether the shards are read one after another.
    """

    def __init__(self, clock: Clock, cache: NodeCache, *, most: int | None, in_order: bool) -> None:
        self._clock = clock
        self._cache = cache
        self._in_order = in_order
        self._room = len(cache.shards.sizes) if most is None else most // 2
        self._wanted: deque[int] = deque()
        self._came: OrderedDict[int, None] = (
            OrderedDict()
        )  # the last ones, as many as `most`, twice
        self._ahead: set[int] = set()  # those of them that nobody has asked for yet
        self._most = most
        self._threads = 0

    def open(self, shard: int) -> Process:
        """Open a file, which is brought first if need be."""
        yield from self._cache.open(shard)
        if self._room:
            self._note(shard)
            self._ahead.discard(shard)
        if self._in_order:
            self._ahead = {ahead for ahead in self._ahead if ahead > shard}
            self.announce(range(shard + 1, shard + 1 + min(self._room, _AHEAD)))

    def announce(self, shards: Iterable[int]) -> None:
        """Have shards brought, as far as there is room for them."""
        if not self._room:
            return
        for shard in shards:
            if len(self._wanted) + len(self._ahead) >= self._room:
                break
            known = shard in self._came or shard in self._wanted
            if shard < len(self._cache.shards.sizes) and not known:
                self._wanted.append(shard)
        while self._threads < min(len(self._wanted), _AHEAD):
            self._threads += 1
            self._clock.start(self._bring_ahead())

    def _bring_ahead(self) -> Process:
        while self._wanted:
            shard = self._wanted.popleft()
            self._note(shard)
            self._ahead.add(shard)
            yield from self._cache.bring(shard, wait=False)
        self._threads -= 1

    def _note(self, shard: int) -> None:
        self._came.pop(shard, None)
        self._came[shard] = None
        if self._most is not None and len(self._came) > 2 * self._most:
            oldest, _ = self._came.popitem(last=False)
            self._ahead.discard(oldest)
