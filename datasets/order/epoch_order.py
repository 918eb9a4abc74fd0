"""Which rows make up each batch of an epoch, on each rank."""

import operator
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.order.callers import fabric_counts, lightning_overfits, refuse_accelerate
from shardmill.datasets.order.node_order import Dealt, Shares
from shardmill.datasets.order.place import Place, Progress
from shardmill.datasets.order.ranks import node_count, rank_and_world_size
from shardmill.datasets.order.row_order import RowOrder

# So many rows are drawn for all ranks at a time. Batch by batch, calls would take longer than rows.
ROWS_AT_ONCE = 2**14


class EpochOrder:
    """A batch sampler that yields index tensors [b] int64.

    Each iteration is one epoch, and the next iteration is the next epoch; `set_epoch` goes to any
    other. Inside a Lightning Trainer with `overfit_batches`, every epoch has the rows of epoch 0.

    The number of ranks does not change the order of an epoch: a step takes the next
    `batch_size * world_size` rows, and rank r takes the r-th part of them. So any rank can go on
    from any place of any other run.

    An order that is dealt out has a share for each node, and the shares take turns. So a step is
    made up of equally many rows of each, and each node takes those of its own. The state says how
    many shares the epoch has. If there is another number of nodes when it is resumed, they go on
    with these shares, and the next epoch is dealt out to the nodes that there are.

    All ranks have equally many batches. Without `drop_last` every row is visited. The last step
    divides the rows that are left, so the last batches may be shorter, by one row on some ranks.
    If too few rows would be left for all ranks, the step before leaves a row for each. With
    batches of one row, or with fewer rows than ranks, that is impossible; then the last step
    repeats some of its rows on the ranks that would have none. With `drop_last` the rows that do
    not fill a step are left out.

    Args:
        order: The order of the rows, or one that is dealt out among nodes.
        batch_size: How many rows a batch of one rank has.
        rank: The rank of this process. Without it, `torch.distributed` is asked when an epoch
            begins.
        world_size: The number of ranks; it is given together with `rank`.
        drop_last: Whether to leave out the rows that do not fill a step.
        data: Says whose rows these are, so that the state of another dataset is refused.

    Raises:
        ValueError: `batch_size` is below 1, there is no such rank, or only one of `rank` and
            `world_size` is given.
    """

    def __init__(
        self,
        order: RowOrder | Dealt,
        batch_size: int,
        *,
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
        data: str = "",
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        rank_and_world_size(rank, world_size)
        self.batch_size = batch_size
        self._drop_last = drop_last
        self._order = order
        self._rows = order.rows
        self._dealt: tuple[int, Shares] | None = None  # the number of shares, and these
        self._given = (rank, world_size)
        self._data = data
        self._next = Place(0, 0)  # where the next iteration begins
        self._running: Progress | None = None

    @property
    def rank(self) -> int:
        """The rank of this process."""
        return rank_and_world_size(*self._given)[0]

    @property
    def world_size(self) -> int:
        """The number of ranks."""
        return rank_and_world_size(*self._given)[1]

    @property
    def nodes(self) -> int:
        """How many nodes read shares of their own."""
        order = self._order
        return node_count(order.nodes, self.world_size) if isinstance(order, Dealt) else 1

    @property
    def sampler(self) -> "EpochOrder":
        """The order itself, since Lightning sets the epoch on what has this name.

        Raises:
            DividedTwiceError: Accelerate would divide the rows among its processes again.
        """
        # Lightning loads no place of a loader if it resumes a run at the end of an epoch.
        refuse_accelerate()  # which asks for a sampler when it prepares a loader
        return self

    @property
    def next_place(self) -> Place:
        """Where the next iteration begins."""
        place = self._next
        if isinstance(self._order, Dealt) and place.shares is None:
            place = replace(place, shares=self.nodes)
        return place

    @property
    def access(self) -> Access:
        """How an epoch goes through the files."""
        return self._order.access

    def __len__(self) -> int:
        """Return how many batches a whole epoch has."""
        step = self.batch_size * self.world_size
        return self._rows // step if self._drop_last else -(-self._rows // step)

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration the epoch of this number, from 0.

        An epoch that was resumed in its middle goes on there. The epochs that Lightning Fabric sets
        are not taken, since it counts them from 0 after a resume, too.

        Raises:
            ValueError: The number is negative.
        """
        if fabric_counts():
            return
        epoch = operator.index(epoch)
        if epoch < 0:
            raise ValueError(f"epochs are counted from 0 on, not {epoch}")
        if epoch != self._next.epoch:
            self._next = Place(epoch, 0)
        self._running = None

    def state_dict(self, progress: Progress | None = None) -> dict[str, Any]:
        """Return the state after the last batch that was given out, as a few facts for JSON.

        A DataLoader that reads ahead has not handed on that batch yet. It passes the `progress`
        that its loop has made.
        """
        progress = progress or self._running
        place = self._next if progress is None else self._after(progress)
        state = {"epoch": place.epoch, "row": place.row, **self._facts()}
        # An epoch that has not begun is dealt out when it begins.
        shares = place.shares if place.row else None
        return state | {"shares": shares} if isinstance(self._order, Dealt) else state

    def _facts(self) -> dict[str, Any]:
        return {"data": self._data, **self._order.facts()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Make the next iteration go on where `state` was taken, on any number of ranks.

        Raises:
            ValueError: The state was taken of another order, or is none.
        """
        facts = self._facts()
        places = {"epoch", "row"} | ({"shares"} if isinstance(self._order, Dealt) else set())
        found = {name: value for name, value in state.items() if name not in places}
        if found != facts:
            names = sorted(name for name in {*facts, *found} if facts.get(name) != found.get(name))
            here, there = ({name: f.get(name) for name in names} for f in (facts, found))
            raise ValueError(
                f"this state is of another order: it has {there}, and this loader {here}; "
                "make the loader with the arguments, and of the data, that it had then"
            )
        epoch, row = state.get("epoch", -1), state.get("row", -1)
        whole = isinstance(epoch, int) and isinstance(row, int)
        if not whole or epoch < 0 or not 0 <= row <= self._rows:
            raise ValueError(
                f"a state has an epoch from 0 on and a row up to {self._rows:,}, "
                f"not {epoch!r} and {row!r}"
            )
        shares = state.get("shares") if "shares" in places and row else None
        if "shares" in places and row and not (isinstance(shares, int) and shares > 0):
            raise ValueError(f"a state in an epoch has a number of shares, not {shares!r}")
        self._next = Place(epoch, row, shares)
        self._running = None

    def begin(self) -> Place:
        """Return where this iteration begins. The next iteration will be the next epoch."""
        place = self.next_place
        self._next = Place(place.epoch + 1, 0)
        return place

    def _after(self, progress: Progress) -> Place:
        # Returns where the batch after the last one begins: in the next epoch, if that one was its
        # last.
        row = progress.begin.row
        whole = min(progress.batches, self._whole_steps(row))
        row += whole * self.batch_size * self.world_size
        for _ in range(progress.batches - whole):
            row += self._step_rows(row)
        epoch = progress.begin.epoch
        more = self._step_rows(row)
        return replace(progress.begin, row=row) if more else Place(epoch + 1, 0)

    def __iter__(self) -> Iterator[Tensor]:
        refuse_accelerate()
        progress = self._running = Progress(self.begin())
        at_once = max(ROWS_AT_ONCE // (self.batch_size * self.world_size), 1)
        for rows in self.groups(progress.begin, at_once):
            # Copied, since whoever changes a batch must not change the order.
            for batch in torch.from_numpy(rows.numpy().copy()).unbind():
                progress.batches += 1
                yield batch
        self._running = None

    def groups(self, place: Place, batches: int) -> Iterator[Tensor]:
        """Yield the rows of this rank from `place` to the end of the epoch, many batches at a time.

        Args:
            place: Where to begin.
            batches: How many batches to yield at a time, at most.

        Yields:
            Rows [batches, rows of a batch] int64.
        """
        # The place counts on, so that states and `set_epoch` mean what they always do.
        epoch = 0 if lightning_overfits() else place.epoch
        row = place.row
        nodes, size = self.nodes, self.batch_size
        ranks = self.world_size // nodes
        node, rank = divmod(self.rank, ranks)
        shares = self._shares(place.shares or nodes)
        while step := self._step_rows(row):
            whole = min(self._whole_steps(row), batches)
            stop = row + max(whole, 1) * step
            if whole:
                first = row + (node - row) % nodes
                rows = shares.every(epoch, first, step=nodes, count=(stop - row) // nodes)
                of_ranks = rows.numpy().reshape(whole, ranks, size)
                yield torch.from_numpy(of_ranks[:, rank].reshape(whole, size))
            else:
                places = self._part(row, stop)
                count = len(places)
                yield shares.every(epoch, places.start, step=places.step, count=count)[None]
            row = stop

    def _shares(self, count: int) -> Shares:
        if self._dealt is None or self._dealt[0] != count:
            order = self._order
            if isinstance(order, Dealt):
                orders = [order.share(share, count) for share in range(count)]
            else:
                orders = [order]
            self._dealt = (count, Shares(orders))
        return self._dealt[1]

    def _whole_steps(self, row: int) -> int:
        # Returns how many steps from `row` on give every rank a full batch.
        step = self.batch_size * self.world_size
        whole, rest = divmod(self._rows - row, step)
        return whole - self._leaves_too_few(rest) if whole and not self._drop_last else whole

    def _leaves_too_few(self, rest: int) -> bool:
        return self.batch_size > 1 and 0 < rest < self.world_size

    def _step_rows(self, row: int) -> int:
        # Returns how many rows all ranks take together at `row`; 0 at the end.
        step = self.batch_size * self.world_size
        left = self._rows - row
        if self._drop_last:
            return step if left >= step else 0
        if left > step and self._leaves_too_few(left - step):
            return step - self.world_size
        return max(min(left, step), 0)

    def _part(self, row: int, stop: int) -> range:
        # Returns the places of this rank in a step that is not full. Ranks have equally many, or
        # differ by one.
        if stop - row < self.world_size:
            first = row + self.rank % (stop - row)
            return range(first, first + 1)
        nodes = self.nodes
        ranks = self.world_size // nodes
        node, rank = divmod(self.rank, ranks)
        of_node = range(row + (node - row) % nodes, stop, nodes)
        first, last = (len(of_node) * r // ranks for r in (rank, rank + 1))
        return of_node[first:last]
