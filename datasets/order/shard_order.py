"""The order of an epoch that needs few shards at a time, for a cache that is smaller than a split.

The shards are put round a circle and dealt out to nodes as in `node_order`. A node then goes
through its share from some shards to the next ones, and mixes the rows of these alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.order.node_order import Arc, NodeBlocks, Rows
from shardmill.datasets.order.row_order import WINDOW_BLOCKS, Places

# So many shards are mixed. More would need a larger cache, and with fewer, batches would hold rows
# that were neighbours in the raw files.
GROUP_SHARDS = 4


class ShardGroups:
    """A share, group of shards after group of shards.

    A group is a part of the share that touches at most `GROUP_SHARDS` shards: no shard is in two
    groups of a share. Within a group, blocks come in a random order and rows are mixed in windows,
    as in an `Arc`.

    Args:
        of: The shards, and the circle of the epoch.
        node: The number of the share.
        nodes: How many shares there are.
    """

    access: Access = "blocks"

    def __init__(self, of: NodeBlocks, node: int, nodes: int) -> None:
        self._arc = of.places(node, nodes)  # of the circle
        self.rows: int = len(self._arc)
        # Shards are announced chunk by chunk, so a chunk has no more rows than a shard.
        largest = int(np.diff(np.append(of.starts, of.rows)).max(initial=1))
        self.chunk: int = min(of.block_rows * WINDOW_BLOCKS, largest)
        self._of = of
        self._key = ("group", node, nodes)
        self._starts: tuple[int, Rows] | None = None  # of an epoch
        self._group: tuple[tuple[int, int], Places] | None = None  # the last one

    def _bounds(self, epoch: int) -> Rows:
        # Returns the place on the circle at which each group begins, and the end of the last one.
        if self._starts is None or self._starts[0] != epoch:
            first, last = self._arc.start, self._arc.stop
            bounds = np.concatenate([[first], self._of.circle(epoch).ends(first, last), [last]])
            shards = len(bounds) - 1
            groups = -(-shards // GROUP_SHARDS)
            # Groups differ by one shard at most, so that none is left with a shard alone.
            self._starts = (epoch, bounds[np.arange(groups + 1) * shards // groups])
        return self._starts[1]

    def _places(self, epoch: int, group: int) -> Places:
        if self._group is None or self._group[0] != (epoch, group):
            first, last = self._bounds(epoch)[group : group + 2].tolist()
            arc = Arc(self._of, range(first, last), *self._key, group)
            self._group = ((epoch, group), Places(arc))
        return self._group[1]

    def numbers(self, epoch: int, chunk: int) -> Tensor:
        """Return the row numbers of a chunk of an epoch."""
        bounds = self._bounds(epoch)
        place = self._arc.start + chunk * self.chunk
        stop = min(place + self.chunk, self._arc.stop)
        parts = []
        while place < stop:
            group = int(np.searchsorted(bounds, place, side="right")) - 1
            first, last = bounds[group : group + 2].tolist()
            last = min(last, stop)
            parts.append(self._places(epoch, group).between(epoch, place - first, last - first))
            place = last
        self._announce(epoch, stop)
        return torch.cat(parts)

    def _announce(self, epoch: int, place: int) -> None:
        # The next group is wanted as a whole when this one ends. The first row of each shard stands
        # for it, since files that are here are read ahead window by window.
        ends = self._of.circle(epoch).ends(place - 1, self._arc.stop)[: 2 * GROUP_SHARDS - 1]
        for end in ends.tolist():
            row, _ = next(self._of.circle(epoch).pieces(end, end + 1))
            self._of.will_need(row, row + 1)

    def facts(self) -> Mapping[str, Any]:
        """Return what the order depends on besides the epoch and the number of shares."""
        facts = self._of.share(0, 1).facts()
        return {**facts, "order": "shards", "group_shards": GROUP_SHARDS}
