"""What the datasets of all kinds have in common: opening, indexing, batches and loading."""

import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from shardmill.datasets.collate import GatheredRows, GatheredTensors, Row, whole_batch
from shardmill.datasets.column import Column, open_columns
from shardmill.datasets.epoch_order import EpochOrder
from shardmill.errors import KindError, UnknownSplitError
from shardmill.layout import Field
from shardmill.manifest import Manifest, SplitRecord, Statistics

Transform = Callable[[Any], Any]


class ShardDataset(Dataset[Any]):
    """One split of an artifact, mapped into memory when the first row is read.

    `ds[i]` is one row: `(x, y)`, or `x` where the split has no target. Slices, lists and index
    tensors give a batch, gathered at once: `(x, y)` with a leading batch dimension. Both are
    fresh copies. Datasets survive fork, spawn and pickling: they take their paths along, not
    their maps.

    Args:
        path: the artifact's folder.
        split: one of its splits.
        transform: applied to `x` as it would be returned: to a row, or to a whole batch.
        target_transform: likewise to `y`.
        per_row: apply the transforms to each row of a batch instead, and stack what they return.

    Raises:
        ArtifactError: there is no such artifact or split, it is of another kind, or cannot be read.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        path: str | os.PathLike[str],
        split: str = "train",
        *,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        per_row: bool = False,
    ) -> None:
        self.path = Path(path).absolute()
        self.manifest = Manifest.load(path)
        self.split = split
        self._transform = transform
        self._target_transform = target_transform
        self._per_row = per_row
        if self.manifest.kind != self.kind:
            raise KindError(
                path,
                expected=f"an artifact of kind {self.kind}",
                found=f"kind {self.manifest.kind}",
                fix="use shardmill.open, which opens every kind",
            )
        self._record = _find_split(self.manifest, path, split)

    @cached_property
    def _columns(self) -> Mapping[str, Column]:
        return open_columns(self.path, self._record)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_columns"}

    def __len__(self) -> int:
        return self._record.rows

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes by index; None without a target."""
        return self.manifest.classes

    @property
    def encoder(self) -> dict[str, int]:
        """Index of each class name."""
        return {name: index for index, name in enumerate(self.classes or ())}

    @property
    def decoder(self) -> dict[int, str]:
        """Class name of each index."""
        return dict(enumerate(self.classes or ()))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of what `x` holds."""
        return self.manifest.features

    @property
    def statistics(self) -> Mapping[str, Statistics]:
        """Facts about each feature, from the train split."""
        return self.manifest.statistics

    @property
    def sample(self) -> bool:
        """Whether the artifact was made from generated sample files, not from real ones."""
        return self.manifest.sample

    @property
    def fields(self) -> tuple[Field, ...]:
        """Dtype and shape of `x` and, if there is a target, of `y`."""
        return self._record.fields

    @property
    def labelled(self) -> bool:
        """Whether the split has a target."""
        return self._record.labelled

    def __getitem__(self, index: Any) -> Any:
        """Return row `index`, an int, or the batch of a slice, list, array or tensor of rows.

        Raises:
            IndexError: a row is out of range.
        """
        if isinstance(index, slice):
            return self._batch(torch.arange(*index.indices(len(self))))
        rows = self._row_numbers(index)
        if rows.ndim:
            return self._batch(rows)
        one = rows[None]
        x = _apply(self._transform, self._row(self._inputs(one), 0))
        if not self.labelled:
            return x
        return Row((x, _apply(self._target_transform, self._columns["y"].gather(one)[0])))

    def __getitems__(self, index: Any) -> GatheredRows | GatheredTensors:
        """Return a batch for torch's fetcher; see `shardmill.datasets.collate`."""
        batch = self._batch(self._row_numbers(index))
        gathered = GatheredRows if self.labelled else GatheredTensors
        return gathered(batch, _BatchRows(self, batch))

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows one by one; `loader` is what training wants."""
        return (self[row] for row in range(len(self)))

    def _row_numbers(self, index: Any) -> Tensor:
        try:
            rows = torch.as_tensor(index)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"rows are integers in one dimension, not {index!r}") from None
        if rows.dtype == torch.bool and rows.shape == (len(self),):
            return torch.nonzero(rows).squeeze(1)
        if rows.numel() == 0:
            return rows.reshape(-1).long()
        if rows.dtype.is_floating_point or rows.dtype == torch.bool or rows.ndim > 1:
            raise TypeError(f"rows are integers in one dimension, not {index!r}")
        rows = rows.long()
        low, high = torch.aminmax(rows)
        if low < -len(self) or high >= len(self):
            row = int(high if high >= len(self) else low)
            raise IndexError(f"row {row} of {len(self):,} in split {self.split!r} of {self.path}")
        return torch.where(rows < 0, rows + len(self), rows) if low < 0 else rows

    def _batch(self, rows: Tensor) -> Any:
        x = self._transformed(self._transform, self._inputs(rows))
        if not self.labelled:
            return x
        y = self._columns["y"].gather(rows)
        if self._target_transform is not None:
            y = self._target_transform(y) if not self._per_row else self._each_target(y)
        return x, y

    def _each_target(self, y: Tensor) -> Tensor:
        assert self._target_transform is not None  # noqa: S101  the caller looked
        return torch.stack([torch.as_tensor(self._target_transform(value)) for value in y])

    def _transformed(self, transform: Transform | None, x: Any) -> Any:
        if transform is None or not self._per_row:
            return _apply(transform, x)
        return self._stack([transform(self._row(x, i)) for i in range(self._length(x))])

    def _inputs(self, rows: Tensor) -> Any:
        """Return `x` of `rows` [b] int64 as a batch."""
        return self._columns["x"].gather(rows)

    def _row(self, x: Any, index: int) -> Any:
        """Return one row of a batch."""
        return x[index]

    def _length(self, x: Any) -> int:
        """Return the number of rows of a batch."""
        return len(x)

    def _stack(self, rows: Sequence[Any]) -> Any:
        """Return the batch of rows."""
        return torch.stack([torch.as_tensor(row) for row in rows])

    def loader(
        self,
        batch_size: int = 256,
        *,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        **options: Any,
    ) -> DataLoader[Any]:
        """Return a torch DataLoader that gathers whole batches.

        Args:
            batch_size: rows of a batch.
            shuffle: in an order that depends on `(seed, epoch)` alone, another one each epoch.
            seed: of the order.
            drop_last: leave out a last batch that is not full.
            options: of `torch.utils.data.DataLoader`. Workers pay only where a transform is heavy.
        """
        order = EpochOrder(len(self), batch_size, shuffle=shuffle, seed=seed, drop_last=drop_last)
        options.setdefault("collate_fn", whole_batch)
        return DataLoader(self, batch_sampler=order, **options)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        facts = [f"{len(self):,} rows"]
        for field in self.fields:
            shape = "ragged" if field.ragged else str(list(field.shape))
            facts.append(f"{field.name} {field.dtype} {shape}")
        if self.classes is not None:
            facts.append(f"{len(self.classes)} classes")
        facts += ["sample data"] * self.sample
        return f"{type(self).__name__}({self.manifest.name}/{self.split}: {', '.join(facts)})"


class _BatchRows(Sequence[Any]):
    """The rows of a gathered batch, made when they are asked for."""

    def __init__(self, dataset: ShardDataset, batch: Any) -> None:
        self._dataset = dataset
        self._x: Any
        self._y: Tensor | None
        self._x, self._y = batch if dataset.labelled else (batch, None)

    def __len__(self) -> int:
        return self._dataset._length(self._x)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        x = self._dataset._row(self._x, index)
        return x if self._y is None else Row((x, self._y[index]))


def _apply(transform: Transform | None, value: Any) -> Any:
    return value if transform is None else transform(value)


def _find_split(manifest: Manifest, path: object, split: str) -> SplitRecord:
    if split in manifest.splits:
        return manifest.splits[split]
    close = difflib.get_close_matches(split, manifest.splits, n=1)
    raise UnknownSplitError(
        path,
        expected=f"a split, one of {', '.join(manifest.splits)}",
        found=repr(split),
        fix=f"did you mean {close[0]}?" if close else "name one of them",
    )
