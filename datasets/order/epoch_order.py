"""Which rows make up each batch of an epoch, on each rank."""

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from shardmill.datasets.gather.mapped_split import Access
from shardmill.datasets.order.ranks import rank_and_world_size
from shardmill.datasets.order.row_order import Places, RowOrder


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the order of which epoch a batch begins; all ranks together count as one."""

    epoch: int
    row: int


@dataclass(slots=True)
class Progress:
    """An iteration: where it began, and how many batches it gave since."""

    begin: Place
    batches: int = 0


class EpochOrder:
    """A batch sampler that yields index tensors [b] int64.

    Each iteration is one epoch, and the next one follows it; `set_epoch` goes to any. The order of
    an epoch is that of `order`, whatever the number of ranks: a step takes the next
    `batch_size * world_size` rows, and rank r the r-th part of them. So any rank can go on from
    any place of any other run.

    All ranks have equally many batches. Without `drop_last` every row is visited, and the last
    batches may be shorter, by one row on some ranks: the last step divides what is left, and the
    one before leaves a row for each rank where there would be too few. Only batches of one row, or
    fewer rows left than ranks, cannot be divided so; then the last step repeats rows of its own on
    the ranks that would have none. With `drop_last` the rows that do not fill a step are left out.

    Args:
        order: of the rows.
        batch_size: rows of a batch of one rank.
        rank, world_size: which part this is, of how many; those of `torch.distributed` when an
            epoch begins, unless told.
        drop_last: leave out what does not fill a step.
        data: what the rows are of, so that the state of another dataset is refused.
    """

    def __init__(
        self,
        order: RowOrder,
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
        self._places = Places(order)
        self._given = (rank, world_size)
        self._data = data
        self._next = Place(0, 0)  # where the next iteration begins
        self._running: Progress | None = None

    @property
    def rank(self) -> int:
        """Which part this is."""
        return rank_and_world_size(*self._given)[0]

    @property
    def world_size(self) -> int:
        """Of how many."""
        return rank_and_world_size(*self._given)[1]

    @property
    def sampler(self) -> "EpochOrder":
        """Itself, for Lightning, which tells the epoch to what is called so."""
        # It loads no loader's place where it resumes a run at an epoch's end.
        return self

    @property
    def next_place(self) -> Place:
        """Where the next iteration begins."""
        return self._next

    @property
    def access(self) -> Access:
        """How an epoch goes through the files."""
        return self._order.access

    def __len__(self) -> int:
        """Return how many batches a whole epoch has."""
        step = self.batch_size * self.world_size
        return self._order.rows // step if self._drop_last else -(-self._order.rows // step)

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of `epoch`, from 0; one that was resumed goes on in it."""
        epoch = operator.index(epoch)
        if epoch < 0:
            raise ValueError(f"epochs are counted from 0 on, not {epoch}")
        if epoch != self._next.epoch:
            self._next = Place(epoch, 0)
        self._running = None

    def state_dict(self, progress: Progress | None = None) -> dict[str, Any]:
        """Return the state after the last batch given out, a few facts for JSON.

        A DataLoader that reads ahead has not handed that one on yet; it gives the `progress` that
        its loop has made.
        """
        progress = progress or self._running
        place = self._next if progress is None else self._after(progress)
        return {"epoch": place.epoch, "row": place.row, **self._facts()}

    def _facts(self) -> dict[str, Any]:
        return {"data": self._data, **self._order.facts()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Make the next iteration go on where `state` was taken, on any number of ranks.

        Raises:
            ValueError: the state is of another order.
        """
        facts = self._facts()
        found = {name: value for name, value in state.items() if name not in ("epoch", "row")}
        if found != facts:
            names = sorted(name for name in {*facts, *found} if facts.get(name) != found.get(name))
            here, there = ({name: f.get(name) for name in names} for f in (facts, found))
            raise ValueError(
                f"this state is of another order: it has {there}, and this loader {here}; "
                "make the loader with the arguments, and of the data, that it had then"
            )
        epoch, row = state.get("epoch", -1), state.get("row", -1)
        whole = isinstance(epoch, int) and isinstance(row, int)
        if not whole or epoch < 0 or not 0 <= row <= self._order.rows:
            raise ValueError(
                f"a state has an epoch from 0 on and a row up to {self._order.rows:,}, "
                f"not {epoch!r} and {row!r}"
            )
        self._next = Place(epoch, row)
        self._running = None

    def begin(self) -> Place:
        """Return where this iteration begins; the next one will be of the next epoch."""
        place = self._next
        self._next = Place(place.epoch + 1, 0)
        return place

    def _after(self, progress: Progress) -> Place:
        # Where the batch after the last one begins: in the next epoch, if that was the last.
        row = progress.begin.row
        whole = min(progress.batches, self._whole_steps(row))
        row += whole * self.batch_size * self.world_size
        for _ in range(progress.batches - whole):
            row += self._step_rows(row)
        epoch = progress.begin.epoch
        return Place(epoch, row) if self._step_rows(row) else Place(epoch + 1, 0)

    def __iter__(self) -> Iterator[Tensor]:
        progress = self._running = Progress(self.begin())
        for rows in self.groups(progress.begin, 1):
            progress.batches += 1
            yield rows[0].clone()  # not a view of what the next epoch may begin with
        self._running = None

    def groups(self, place: Place, batches: int) -> Iterator[Tensor]:
        """Yield the rows of this rank from `place` to the end of the epoch, many batches at a time.

        Args:
            place: where to begin.
            batches: at most so many at a time.

        Yields:
            Rows [batches, rows of a batch] int64.
        """
        row = place.row
        while step := self._step_rows(row):
            whole = min(self._whole_steps(row), batches)
            if whole:
                size = self.batch_size
                stop = row + whole * step
                rows = self._places.between(place.epoch, row, stop)
                if self.world_size > 1:
                    rows = rows.view(whole, self.world_size, size)[:, self.rank]
                yield rows.reshape(whole, size)
            else:
                stop = row + step
                rows = self._part(self._places.between(place.epoch, row, stop))
                yield rows[None]
            row = stop

    def _whole_steps(self, row: int) -> int:
        # How many steps from `row` on give every rank a full batch.
        step = self.batch_size * self.world_size
        whole, rest = divmod(self._order.rows - row, step)
        return whole - self._leaves_too_few(rest) if whole and not self._drop_last else whole

    def _leaves_too_few(self, rest: int) -> bool:
        return self.batch_size > 1 and 0 < rest < self.world_size

    def _step_rows(self, row: int) -> int:
        # How many rows all ranks take together at `row`; 0 at the end.
        step = self.batch_size * self.world_size
        left = self._order.rows - row
        if self._drop_last:
            return step if left >= step else 0
        if left > step and self._leaves_too_few(left - step):
            return step - self.world_size
        return max(min(left, step), 0)

    def _part(self, rows: Tensor) -> Tensor:
        # Of a step that is not full: parts that differ by one row at most.
        if len(rows) < self.world_size:
            first = self.rank % len(rows)
            return rows[first : first + 1]
        first, last = (len(rows) * r // self.world_size for r in (self.rank, self.rank + 1))
        return rows[first:last]
