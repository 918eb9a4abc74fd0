"""Gathers the rows of a split as batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import torch
from torch import Tensor

from shardmill.datasets.gather.collate import Row, Stack, UnlabelledRow
from shardmill.datasets.gather.mapped_split import Access, MappedSplit
from shardmill.datasets.gather.tensor_rows import Column, open_column

Transform = Callable[[Any], Any]

# One call gathers this much: less, and small batches cost more in calls than in memory; more, and
# it does not stay in a core's own cache until it is used.
GATHER_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class Transforms:
    """What is done to the rows that leave a reader.

    Attributes:
        x: applied to `x` as it would be returned: to a row, or to a whole batch.
        y: likewise to `y`.
        per_row: apply them to each row of a batch instead, and stack the tensors (or what
            `torch.as_tensor` takes) that they return.
    """

    x: Transform | None = None
    y: Transform | None = None
    per_row: bool = False


class Reader(Protocol):
    """Rows by number, in batches: `(x, y)`, or `x` where there is no target."""

    rows: int
    row_bytes: int
    labelled: bool
    ragged: bool  # whether `x` has rows of different lengths

    def batches(self, rows: Tensor) -> Iterator[Any]:
        """Yield n batches, fresh copies of `rows` [n, b] int64."""
        ...

    def one(self, row: Tensor) -> Any:
        """Return one row, of the number `row` [] int64."""
        ...

    def cut(self, x: Any, index: int) -> Any:
        """Return one row of the `x` of a batch."""
        ...

    def row(self, x: Any, y: Any) -> Any:
        """Return one row as torch's `default_collate` takes it; `y` is None without a target."""
        ...

    def join(self, xs: Sequence[Any], places: Tensor) -> Any:
        """Return the `x` whose row i is row `places[i]` of several, put one after another."""
        ...

    def targets(self) -> Any:
        """Return the `y` of all rows [rows, ...]."""
        ...

    def lengths(self, rows: Tensor) -> Tensor:
        """Return how many values `x` of `rows` [b] has, [b] int64; for ragged fields."""
        ...

    def expect(self, access: Access) -> None:
        """Tell the system in which way all rows will be read."""
        ...

    def will_need(self, start: int, stop: int) -> None:
        """Let the system read rows [start, stop) into memory meanwhile."""
        ...


class RowReader:
    """Rows whose `x` is of fixed size: `x` [b, *shape], `y` [b, ...].

    Raises:
        ArtifactError: the shards are not as the manifest says.
    """

    def __init__(self, split: MappedSplit, transforms: Transforms, *, rows: int) -> None:
        self.rows = rows
        self.labelled = any(field_kind(name) == "y" for name in split.sources)
        self.ragged = any(source.flat for source in split.sources.values())
        self.row_bytes = sum(
            source.row_bytes * source.rows // max(rows, 1) for source in split.sources.values()
        )
        self._split = split
        self._columns = {name: open_column(split, name) for name in split.sources}
        self._transforms = transforms
        self._stack: Stack | None = None  # puts rows together, where they differ in length

    def batches(self, rows: Tensor) -> Iterator[Any]:
        """See `Reader`."""
        xs = self._inputs(rows)
        if self._transforms.x is not None:
            xs = map(self._transformed, xs)
        if not self.labelled:
            return xs
        ys = self._targets(rows)
        if self._transforms.y is not None:
            ys = map(self._transformed_target, ys)
        return zip(xs, ys, strict=True)

    def one(self, row: Tensor) -> Any:
        """See `Reader`."""
        rows = row[None]
        x = self.cut(next(self._inputs(rows[None])), 0)
        if self._transforms.x is not None:
            x = self._transforms.x(x)
        if not self.labelled:
            return x if self._stack is None else self.row(x, None)
        y = self._target(row)
        return self.row(x, y if self._transforms.y is None else self._transforms.y(y))

    def cut(self, x: Any, index: int) -> Any:
        """See `Reader`."""
        return x[index]

    def row(self, x: Any, y: Any) -> Any:
        """See `Reader`."""
        if not self.labelled and not isinstance(x, Tensor):
            return x
        row = Row((x, y)) if self.labelled else x.as_subclass(UnlabelledRow)
        row.stack = self._stack
        return row

    def join(self, xs: Sequence[Any], places: Tensor) -> Any:
        """See `Reader`."""
        if not all(isinstance(x, Tensor) for x in xs):
            kinds = ", ".join(sorted({type(x).__name__ for x in xs}))
            raise TypeError(f"transforms of joined datasets return tensors, not {kinds}")
        return torch.cat(list(xs)).index_select(0, places)

    def targets(self) -> Any:
        """See `Reader`."""
        return targets_of(self._columns["y"], torch.arange(self.rows))

    def lengths(self, rows: Tensor) -> Tensor:  # noqa: ARG002  there are none
        """See `Reader`."""
        raise TypeError("rows of fixed size have no lengths; only texts do")

    def expect(self, access: Access) -> None:
        """See `Reader`."""
        self._split.expect(access)

    def will_need(self, start: int, stop: int) -> None:
        """See `Reader`."""
        self._split.advise("will_need", start, stop)

    def _inputs(self, rows: Tensor) -> Iterator[Any]:
        """Yield the `x` of each batch of `rows` [n, b], before any transform."""
        return self._gathered("x", rows)

    def _targets(self, rows: Tensor) -> Iterable[Any]:
        """Return the `y` of each batch of `rows` [n, b], before any transform."""
        return unbound(targets_of(self._columns["y"], rows))

    def _target(self, row: Tensor) -> Any:
        """Return the `y` of one row, before any transform."""
        return targets_of(self._columns["y"], row[None])[0]

    def _gathered(self, name: str, rows: Tensor) -> Iterator[Tensor]:
        x = self._columns[name]
        at_once = GATHER_BYTES // max(x.source.row_bytes * rows.shape[1], 1)
        if at_once < 2:
            return map(x.gather, rows.unbind())
        return chain.from_iterable(
            unbound(gathered(x, part))
            for part in rows.split_with_sizes(
                [min(at_once, len(rows) - first) for first in range(0, len(rows), at_once)]
            )
        )

    def _count(self, x: Any) -> int:
        """Return how many rows the `x` of a batch holds, before any transform."""
        return len(x)

    def _transformed(self, x: Any) -> Any:
        transform = self._transforms.x
        assert transform is not None  # noqa: S101  the caller looked
        if not self._transforms.per_row:
            return transform(x)
        rows = [torch.as_tensor(transform(self.cut(x, i))) for i in range(self._count(x))]
        if not rows:  # what a transform would make of them is not known
            return x
        if self._stack is None or any(row.ndim != 1 for row in rows):
            return torch.stack(rows)
        return self._stack(rows)

    def _transformed_target(self, y: Tensor) -> Any:
        transform = self._transforms.y
        assert transform is not None  # noqa: S101  the caller looked
        if not self._transforms.per_row:
            return transform(y)
        return torch.stack([torch.as_tensor(transform(value)) for value in y]) if len(y) else y


def field_kind(name: str) -> str:
    """Return `x` for the tensors of the model's input, `y` for those of its targets."""
    return name.split(".", 1)[0]


def gathered(column: Column, rows: Tensor) -> Tensor:
    """Return copies of `rows` [n, b] of a column as a fresh tensor [n, b, *shape]."""
    return column.gather(rows.reshape(-1)).view(*rows.shape, *column.source.shape)


def targets_of(column: Column, rows: Tensor) -> Tensor:
    """Return the targets of `rows` [b] or [n, b], fresh: numbers as stored, class indices int64."""
    values = gathered(column, rows)
    return values if values.is_floating_point() else values.long()


def unbound(values: Tensor) -> Sequence[Tensor]:
    """Return the n tensors [b, ...] of [n, b, ...], which know nothing of each other.

    Views of a common tensor count their versions together: autograd would take a change in place
    to one batch for a change to all. Those of `unsafe_split` count alone.
    """
    rows = values.shape[1]
    return torch.unsafe_split(values.flatten(0, 1), rows) if rows else values.unbind()
