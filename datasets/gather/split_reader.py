"""Gathers the rows of a split as batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shardmill.datasets.gather.batch_rows import count_rows, cut_row
from shardmill.datasets.gather.collate import GatheredRows, as_row
from shardmill.datasets.gather.mapped_split import Access, MappedSplit
from shardmill.datasets.gather.targets import open_targets
from shardmill.datasets.gather.text_stack import TextStack
from shardmill.datasets.item_types import Transform


@dataclass(frozen=True, slots=True)
class Transforms:
    """What is done to the rows that leave a reader.

    Attributes:
        x: A function of `x` as it would be returned: of a row, or of a whole batch.
        y: The same for `y`.
        per_row: Whether to apply them to each row of a batch, and stack what they return: tensors,
            what `torch.as_tensor` takes, or mappings of these.
    """

    x: Transform | None = None
    y: Transform | None = None
    per_row: bool = False

    def of_input(self, stack: TextStack | None) -> Transform | None:
        """Return the function of the `x` of a batch; None if it stays as it is."""
        return self._of_batch(self.x, stack)

    def of_target(self) -> Transform | None:
        """Return the function of the `y` of a batch; None if it stays as it is."""
        return self._of_batch(self.y, None)

    def _of_batch(self, transform: Transform | None, stack: TextStack | None) -> Transform | None:
        if transform is None or not self.per_row:
            return transform
        return _RowByRow(transform, stack)


class Inputs(Protocol):
    """Gathers the `x` of rows, before any transform.

    Attributes:
        stack: Puts rows of different lengths together. None if all rows have one size.
    """

    stack: TextStack | None

    def batches(self, rows: Tensor) -> Iterator[Any]:
        """Yield the `x` of each batch of `rows` [n, b] int64, as fresh copies."""
        ...

    def lengths(self, rows: Tensor) -> Tensor:
        """Return how many values `x` of `rows` [b] has, [b] int64.

        Raises:
            TypeError: All rows have one size.
        """
        ...


class SplitReader:
    """The rows of one split; see `Reader` for its methods.

    Args:
        split: The mapped split.
        inputs: Gathers the `x` of its rows.
        transforms: What is done to the rows that leave.

    Raises:
        DamagedFileError: A shard is missing or of another size than the manifest says.
        ManifestError: The manifest contradicts itself.
    """

    def __init__(self, split: MappedSplit, inputs: Inputs, transforms: Transforms) -> None:
        self.rows: int = split.record.rows
        self._targets = open_targets(split)
        self.labelled: bool = self._targets is not None
        self.stack: TextStack | None = inputs.stack
        self.row_bytes: int = sum(
            source.row_bytes * source.rows // max(self.rows, 1) for source in split.sources.values()
        )
        self.shard_starts: npt.NDArray[np.int64] = np.arange(
            0, self.rows, split.record.rows_per_shard, dtype=np.int64
        )
        self._split = split
        self._inputs = inputs
        self._transforms = transforms
        self._batch_x = transforms.of_input(inputs.stack)
        self._batch_y = transforms.of_target()

    def batches(self, rows: Tensor) -> Iterator[Any]:
        """Yield n batches of `rows` [n, b]."""
        self._split.need(rows.numpy().reshape(-1))
        xs = self._inputs.batches(rows)
        if self._batch_x is not None:
            xs = map(self._batch_x, xs)
        if self._targets is None:
            return xs
        ys = self._targets.batches(rows)
        if self._batch_y is not None:
            ys = map(self._batch_y, ys)
        return zip(xs, ys, strict=True)

    def one(self, row: Tensor) -> Any:
        """Return one row."""
        self._split.need(row.numpy().reshape(-1))
        x = cut_row(next(self._inputs.batches(row[None, None])), 0)
        if self._transforms.x is not None:
            x = self._transforms.x(x)
        if self._targets is None:
            return x if self.stack is None else as_row(x, stack=self.stack)
        y = self._targets.one(row)
        if self._transforms.y is not None:
            y = self._transforms.y(y)
        return as_row(x, y, labelled=True, stack=self.stack)

    def as_rows(self, batch: Any, rows: int) -> GatheredRows:
        """Return a batch as its rows."""
        return GatheredRows(batch, rows, labelled=self.labelled, stack=self.stack)

    def targets(self, start: int, stop: int) -> Any:
        """Return the `y` of rows [start, stop).

        Raises:
            TypeError: There is no target.
        """
        if self._targets is None:
            raise TypeError("these rows have no target")
        rows = torch.arange(start, stop, device="cpu")
        self._split.need(rows.numpy())
        return self._targets.values(rows)

    def lengths(self, rows: Tensor) -> Tensor:
        """Return the lengths of rows."""
        self._split.need(rows.numpy().reshape(-1))
        return self._inputs.lengths(rows)

    def expect(self, access: Access) -> None:
        """Tell the system in which way all rows will be read."""
        self._split.expect(access)

    def bring(self) -> None:
        """Bring all rows into the cache, if they are elsewhere and it may hold them."""
        self._split.bring()

    def will_need(self, start: int, stop: int) -> None:
        """Let the system read rows into memory."""
        self._split.advise("will_need", start, stop)


class _RowByRow:
    """Applies a transform to each row of a batch, and stacks what it returns."""

    def __init__(self, transform: Callable[[Any], Any], stack: TextStack | None) -> None:
        self._transform = transform
        self._stack = stack

    def __call__(self, batch: Any) -> Any:
        rows = [self._transform(cut_row(batch, index)) for index in range(count_rows(batch))]
        if not rows:  # what the transform would make of them is not known
            return batch
        stack = self._stack
        if isinstance(rows[0], Mapping):
            texts = frozenset() if stack is None else stack.texts
            by_name = {name: [row[name] for row in rows] for name in rows[0]}
            return {n: _stacked(v, stack if n in texts else None) for n, v in by_name.items()}
        return _stacked(rows, stack)


def _stacked(rows: Sequence[Any], stack: TextStack | None) -> Any:
    tensors = [torch.as_tensor(row, device="cpu") for row in rows]
    if stack is None or any(tensor.ndim != 1 for tensor in tensors):
        return torch.stack(tensors)
    return stack(tensors)
