"""An epoch whose ranks read shards from a store through the caches of their nodes, simulated."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from simulation.events import Clock, Event, Process
from simulation.network import Network
from simulation.node_cache import FilesAhead, NodeCache, Shards
from simulation.shard_visits import Announce, Bring, Open, Rows, find_visits


@dataclass(frozen=True, slots=True)
class Setting:
    """Where an epoch runs.

    Attributes:
        rows: The rows, and their order.
        nodes: How many nodes there are.
        ranks: How many ranks each node has.
        cache_bytes: How many bytes the cache of a node may hold; None for any number.
        node_bytes_s: The bandwidth of a node.
        store_bytes_s: The bandwidth of the store, which all nodes share.
        latency_s: How long the store takes until an answer begins.
        write_s: How long a node takes until a file that has come is on its disk.
        rows_s: How many rows a rank gathers in a second from shards that are in its cache.
        step_s: How long the loop computes with a batch.
    """

    rows: Rows
    nodes: int = 1
    ranks: int = 1
    cache_bytes: int | None = None
    node_bytes_s: float = inf
    store_bytes_s: float = inf
    latency_s: float = 0.0
    write_s: float = 0.0
    rows_s: float = inf
    step_s: float = 0.0

    @property
    def most(self) -> int | None:
        """How many shards a process may map at a time, as `CachedShards` has it; None for all.

        Raises:
            ValueError: The cache does not hold a shard.
        """
        sizes = self.rows.shard_bytes
        largest = int(sizes.max())
        if self.cache_bytes is None or self.cache_bytes >= int(sizes.sum()):
            return None
        if self.cache_bytes < largest:
            raise ValueError(f"a cache holds a shard at least: {largest:,} bytes")
        return self.cache_bytes // largest


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an epoch took.

    Attributes:
        first_s: The seconds until the first rank has its first batch.
        epoch_s: The seconds until the last rank has done its last batch.
        node_bytes: How many bytes each node has loaded.
        requests: How many files were asked of the store.
        hits: Which share of the files that were opened was in the cache; 1 if none was opened.
        waiting: Which share of the time the ranks waited for batches, on average.
    """

    first_s: float
    epoch_s: float
    node_bytes: tuple[int, ...]
    requests: int
    hits: float
    waiting: float


def simulate_epoch(setting: Setting) -> Outcome:
    """Return what an epoch takes that begins with empty caches.

    Raises:
        ValueError: A cache does not hold a shard, or there is no limit of bandwidth.
    """
    clock = Clock()
    network = Network(clock, setting.node_bytes_s, setting.store_bytes_s)
    sizes = setting.rows.shard_bytes.tolist()
    shards = Shards(sizes, setting.cache_bytes, setting.latency_s, setting.write_s)
    caches = [NodeCache(clock, network, shards, node=node) for node in range(setting.nodes)]
    ranks = [
        _Rank(setting, clock, cache, node * setting.ranks + rank)
        for node, cache in enumerate(caches)
        for rank in range(setting.ranks)
    ]
    end = Event()
    for rank in ranks:
        clock.start(rank.run())
    clock.start(_wait_for(ranks, clock, end))
    clock.run(until=end)
    return Outcome(
        first_s=min(rank.first_s for rank in ranks),
        epoch_s=clock.now,
        node_bytes=tuple(round(network.loaded[node]) for node in range(setting.nodes)),
        requests=sum(cache.counts.requests for cache in caches),
        hits=_share([cache.counts.found for cache in caches], [c.counts.opened for c in caches], 1),
        waiting=_share([rank.waited_s for rank in ranks], [rank.end_s for rank in ranks], 0),
    )


def _share(of: Sequence[float], all_: Sequence[float], otherwise: float) -> float:
    return sum(of) / sum(all_) if sum(all_) else otherwise


def _wait_for(ranks: "Sequence[_Rank]", clock: Clock, end: Event) -> Process:
    for rank in ranks:
        yield rank.done
    clock.happen(end)


class _Rank:
    """The loop of a rank."""

    def __init__(self, setting: Setting, clock: Clock, cache: NodeCache, number: int) -> None:
        self.first_s = self.end_s = self.waited_s = 0.0
        self.done = Event()
        self._setting = setting
        self._clock = clock
        self._cache = cache
        self._number = number

    def run(self) -> Process:
        setting, clock = self._setting, self._clock
        most, nodes = setting.most, setting.nodes
        in_order = setting.rows.shuffle is False
        files = FilesAhead(clock, self._cache, most=most, in_order=in_order)
        asked_s = clock.now
        yield setting.latency_s  # of the manifest
        ranks = nodes * setting.ranks
        for visit in find_visits(setting.rows, most, rank=self._number, ranks=ranks, nodes=nodes):
            if isinstance(visit, Open):
                yield from files.open(visit.shard)
            elif isinstance(visit, Announce):
                files.announce(visit.shards)
            elif isinstance(visit, Bring):
                yield from self._cache.bring_side_by_side(visit.shards)
            else:
                for _ in range(visit.batches):
                    yield visit.rows / visit.batches / setting.rows_s
                    self.waited_s += clock.now - asked_s
                    self.first_s = self.first_s or clock.now
                    yield setting.step_s
                    asked_s = clock.now
        self.end_s = clock.now
        clock.happen(self.done)
