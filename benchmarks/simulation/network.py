"""Downloads of several nodes from one store, which divide the bandwidth fairly."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf

from simulation.events import Clock, Event, Process

_WHOLE = 1e-3  # bytes; so much of a download may be left by rounding


@dataclass(slots=True, eq=False)
class _Download:
    node: int
    left: float  # bytes
    done: Event = field(default_factory=Event)


class Network:
    """The links of nodes to a store, and the link of the store.

    Downloads get equal parts of each link that is full: max-min fairness, as Bertsekas and Gallager
    define it ("Data Networks", section 6.5.2).

    Attributes:
        loaded: How many bytes each node has loaded so far.

    Args:
        clock: The clock.
        node_bytes_s: The bandwidth of a node.
        store_bytes_s: The bandwidth of the store, which all nodes share.

    Raises:
        ValueError: There is no limit.
    """

    def __init__(self, clock: Clock, node_bytes_s: float, store_bytes_s: float) -> None:
        if min(node_bytes_s, store_bytes_s) == inf:
            raise ValueError("the bandwidth of a node or that of the store is a finite number")
        self.loaded: defaultdict[int, float] = defaultdict(float)
        self._clock = clock
        self._node_bytes_s = node_bytes_s
        self._store_bytes_s = store_bytes_s
        self._downloads: list[_Download] = []
        self._since = 0.0
        self._plans = 0

    def download(self, node: int, size: float) -> Process:
        """Download so many bytes to a node."""
        self._advance()
        download = _Download(node, size)
        self._downloads.append(download)
        self._plan()
        yield download.done

    def _advance(self) -> None:
        # Lets all downloads come as far as they are by now.
        seconds, self._since = self._clock.now - self._since, self._clock.now
        rates = self._rates()
        for download in self._downloads:
            came = min(rates[download.node] * seconds, download.left)
            download.left -= came
            self.loaded[download.node] += came

    def _rates(self) -> Mapping[int, float]:
        # Returns the bytes a second of each download of a node.
        left, downloads = self._store_bytes_s, len(self._downloads)
        rates = {}
        # The node with the most downloads has the smallest part of its link for each.
        for node, count in Counter(each.node for each in self._downloads).most_common():
            rates[node] = min(self._node_bytes_s / count, left / downloads)
            left -= rates[node] * count
            downloads -= count
        return rates

    def _plan(self) -> None:
        # Looks again when the next download is whole, unless there is another plan by then.
        self._plans += 1
        if self._downloads:
            rates = self._rates()
            next_s = min(each.left / rates[each.node] for each in self._downloads)
            self._clock.call_in(next_s, partial(self._finish, self._plans))

    def _finish(self, plan: int) -> None:
        if plan != self._plans:
            return
        self._advance()
        for download in self._downloads:
            if download.left <= _WHOLE:
                self._clock.happen(download.done)
        self._downloads = [each for each in self._downloads if each.left > _WHOLE]
        self._plan()
