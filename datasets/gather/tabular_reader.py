"""Gathers the rows of a table: one tensor, or one for each group of features and each target."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from shardmill.datasets.gather.collate import RowOfGroups
from shardmill.datasets.gather.mapped_split import MappedSplit
from shardmill.datasets.gather.row_reader import (
    RowReader,
    Transforms,
    field_kind,
    targets_of,
    unbound,
)


class TabularReader(RowReader):
    """Rows of numbers, with some of their columns left out.

    `x` is [b, f], or {group: [b, f]}; `y` is [b], or {target: [b]}.

    Args:
        split, transforms, rows: see `RowReader`.
        kept: by input field, the columns that are left; None for all, and no entry for none.
    """

    def __init__(
        self,
        split: MappedSplit,
        transforms: Transforms,
        *,
        rows: int,
        kept: Mapping[str, Sequence[int] | None],
    ) -> None:
        super().__init__(split, transforms, rows=rows)
        self._kept = {
            name: None if columns is None else torch.tensor(columns)
            for name, columns in kept.items()
        }
        self._grouped = "x" not in split.sources
        targets = [name for name in split.sources if field_kind(name) == "y"]
        self._target_fields = {name[2:]: name for name in targets if name != "y"}

    def _inputs(self, rows: Tensor) -> Iterator[Any]:
        if not self._grouped:
            return self._features("x", rows)
        parts = [self._features(name, rows) for name in self._kept]
        names = [name[2:] for name in self._kept]
        return (dict(zip(names, tensors, strict=True)) for tensors in zip(*parts, strict=True))

    def _features(self, name: str, rows: Tensor) -> Iterator[Tensor]:
        xs = self._gathered(name, rows)  # [b, f] each
        kept = self._kept[name]
        return xs if kept is None else (x.index_select(1, kept) for x in xs)

    def _targets(self, rows: Tensor) -> Iterable[Any]:
        if not self._target_fields:
            return super()._targets(rows)
        fields = self._target_fields.values()
        parts = [unbound(targets_of(self._columns[field], rows)) for field in fields]
        return (
            dict(zip(self._target_fields, tensors, strict=True))
            for tensors in zip(*parts, strict=True)
        )

    def _target(self, row: Tensor) -> Any:
        if not self._target_fields:
            return super()._target(row)
        return self.cut(next(iter(self._targets(row[None, None]))), 0)

    def targets(self) -> Any:
        """See `Reader`; {target: [rows]} where there are several."""
        if not self._target_fields:
            return super().targets()
        return next(iter(self._targets(torch.arange(self.rows)[None])))

    def cut(self, x: Any, index: int) -> Any:
        """See `Reader`."""
        return {n: v[index] for n, v in x.items()} if isinstance(x, Mapping) else x[index]

    def row(self, x: Any, y: Any) -> Any:
        """See `Reader`."""
        if self.labelled or not isinstance(x, Mapping):
            return super().row(x, y)
        return RowOfGroups(x)

    def join(self, xs: Sequence[Any], places: Tensor) -> Any:
        """See `Reader`."""
        if not all(isinstance(x, Mapping) for x in xs):
            return super().join(xs, places)
        return {
            name: super(TabularReader, self).join([x[name] for x in xs], places) for name in xs[0]
        }

    def _count(self, x: Any) -> int:
        return len(next(iter(x.values()))) if isinstance(x, Mapping) else len(x)

    def _transformed(self, x: Any) -> Any:
        if not (self._grouped and self._transforms.per_row):
            return super()._transformed(x)
        return self._row_by_row(self._transforms.x, x)

    def _transformed_target(self, y: Any) -> Any:
        if not (self._target_fields and self._transforms.per_row):
            return super()._transformed_target(y)
        return self._row_by_row(self._transforms.y, y)

    def _row_by_row(self, transform: Any, values: Any) -> Any:
        # What it makes of a row may be a tensor, or a mapping of tensors again.
        rows = [transform(self.cut(values, index)) for index in range(self._count(values))]
        if not rows:
            return values
        if not isinstance(rows[0], Mapping):
            return torch.stack([torch.as_tensor(row) for row in rows])
        return {n: torch.stack([torch.as_tensor(row[n]) for row in rows]) for n in rows[0]}
