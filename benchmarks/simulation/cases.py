"""The epochs that are both read and simulated."""

from dataclasses import dataclass

from simulation.limited_server import Limits

_NONE = Limits()


@dataclass(frozen=True, slots=True)
class Case:
    """An epoch that is both read and simulated.

    Attributes:
        name: What it is called.
        shuffle: The order.
        nodes: How many nodes there are, each with a cache of its own.
        ranks: How many ranks each node has.
        cache: Which share of the split the cache of a node may hold; None for any number of bytes.
        limits: How slow the server is.
        step_s: How long the loop waits at each batch, in place of computing.
    """

    name: str
    shuffle: bool | str = False
    nodes: int = 1
    ranks: int = 1
    cache: float | None = None
    limits: Limits = _NONE
    step_s: float = 0.0


_SLOW = Limits(bytes_s=1e8, latency_s=0.02)

CASES = (
    Case("in order, no limit"),
    Case("in order, 100 MB/s", limits=_SLOW),
    Case("in order, the cache holds half", cache=0.5, limits=_SLOW),
    Case("in order, 8 shards, a loop that computes", cache=0.21, limits=_SLOW, step_s=0.02),
    Case("in order, 8 shards, 300 ms latency", cache=0.21, limits=Limits(1e9, 0.3)),
    Case("shuffled, the cache holds all", shuffle=True, limits=_SLOW),
    Case("nodes, 2 nodes share 100 MB/s", shuffle="nodes", nodes=2, cache=0.7, limits=_SLOW),
    Case("shards, the cache holds 1/4", shuffle="shards", cache=0.26, limits=_SLOW),
    Case("blocks, the cache holds 9/10", shuffle="blocks", cache=0.91, limits=Limits(2e8, 0.01)),
    Case(
        "blocks, the cache holds 3/4",
        shuffle="blocks",
        cache=0.76,
        limits=Limits(2e8, 0.01),
    ),
    Case("shuffled, the cache holds 3/4", shuffle=True, cache=0.76, limits=Limits(2e8, 0.01)),
    Case("in order, 2 ranks of a node", ranks=2, cache=0.5, limits=_SLOW),
)
