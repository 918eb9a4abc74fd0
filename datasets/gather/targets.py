"""Gathers the `y` of rows: one tensor, or one by the name of each target."""

from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor

from shardmill.datasets.gather.mapped_split import MappedSplit
from shardmill.datasets.gather.tensor_rows import gathered, open_column, torch_dtype, unbound
from shardmill.format.layout import Field


class OneTarget:
    """One target: `y` [b, ...] in the dtype that the field has in a batch."""

    def __init__(self, split: MappedSplit, field: Field) -> None:
        self._column = open_column(split, field.name)
        self._dtype = torch_dtype(field.batch_dtype)

    def values(self, rows: Tensor) -> Tensor:
        """Return the target of `rows` [b] or [n, b], fresh: [b, ...] or [n, b, ...]."""
        return gathered(self._column, rows).to(self._dtype)

    def batches(self, rows: Tensor) -> Iterable[Tensor]:
        """Return the `y` of each batch of `rows` [n, b]."""
        return unbound(self.values(rows))

    def one(self, row: Tensor) -> Tensor:
        """Return the `y` of `row` [] int64."""
        return self.values(row[None])[0]


class NamedTargets:
    """Several targets: `y` is {target: [b, ...]}."""

    def __init__(self, targets: Mapping[str, OneTarget]) -> None:
        self._targets = targets

    def values(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the targets of `rows` [b] or [n, b], fresh, each [b, ...] or [n, b, ...]."""
        return {name: target.values(rows) for name, target in self._targets.items()}

    def batches(self, rows: Tensor) -> Iterator[dict[str, Tensor]]:
        """Yield the `y` of each batch of `rows` [n, b]."""
        parts = [target.batches(rows) for target in self._targets.values()]
        return (dict(zip(self._targets, ys, strict=True)) for ys in zip(*parts, strict=True))

    def one(self, row: Tensor) -> dict[str, Tensor]:
        """Return the `y` of `row` [] int64."""
        return {name: target.one(row) for name, target in self._targets.items()}


def open_targets(split: MappedSplit) -> OneTarget | NamedTargets | None:
    """Return what gathers the targets of a split; None if it has none.

    Raises:
        DamagedFileError: A shard is missing or of another size than the manifest says.
        ManifestError: The manifest contradicts itself.
    """
    fields = [field for field in split.record.fields if field.is_target]
    if not fields:
        return None
    named = {field.group: OneTarget(split, field) for field in fields if field.group is not None}
    return NamedTargets(named) if named else OneTarget(split, fields[0])
