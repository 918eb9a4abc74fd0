"""Rows of numbers made from mixed columns."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shardmill.datasets.dataset import ShardDataset
from shardmill.faults import hint

if TYPE_CHECKING:
    from shardmill.datasets.gather.row_reader import Reader


class TabularDataset(ShardDataset):
    """Rows of a tabular artifact: `x` [f] float32, `y` the class index, or a number, float32.

    Where the recipe has groups, `x` is a dict of tensors, {group: [f]}; where it has several
    targets, so is `y`, {target: []}. Without a target, rows are `x` alone.

    Args:
        path, split, options: see `ShardDataset`.
        drop_features: features to leave out of `x`.

    Raises:
        ValueError: a feature to drop is none of the artifact's.

    Example:
        >>> ds = TabularDataset("artifacts/titanic", drop_features=["Fare"])
        >>> x, y = ds[:256]  # [256, 6] float32, [256] int64
    """

    kind = "tabular"

    def __init__(
        self,
        path: str | os.PathLike[str],
        split: str = "train",
        *,
        drop_features: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(path, split, **options)
        if isinstance(drop_features, str):
            raise TypeError(f"drop_features is a list of names, not {drop_features!r}")
        names = self.manifest.features
        for name in drop_features:
            if name not in names:
                help_ = hint(name, names, f"it has {', '.join(names)}")
                raise ValueError(f"{path} has no feature {name!r} to drop; {help_}")
        self._dropped = frozenset(drop_features)
        if self._dropped.issuperset(names):
            raise ValueError(f"no feature of {path} is left: it has {', '.join(names)}")

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of `x`, without the dropped ones; one group's after another's."""
        return tuple(name for name in self.manifest.features if name not in self._dropped)

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the columns of each tensor of `x`, without the dropped ones; empty if one."""
        kept = {name[2:]: names for name, names in self._stored() if name != "x"}
        kept = {g: tuple(n for n in names if n not in self._dropped) for g, names in kept.items()}
        return {group: names for group, names in kept.items() if names}

    @property
    def targets(self) -> Mapping[str, tuple[str, ...] | None]:
        """Columns that `y` comes from, with the names of their classes; None for a number."""
        recipe = self.manifest.recipe
        if "target" in recipe:
            return {recipe["target"]["column"]: self.classes}
        return {
            target["name"]: tuple(target["classes"]) if "classes" in target else None
            for target in recipe.get("targets", ())
        }

    @property
    def categories(self) -> Mapping[str, Mapping[str, int]]:
        """For each feature made from strings: the number of each value."""
        maps = {column["name"]: column.get("map") for column in self.manifest.recipe["columns"]}
        for name, facts in self.statistics.items():
            if facts.categories is not None:
                maps[name] = {level: number for number, level in enumerate(facts.categories)}
        return {name: maps[name] for name in self.features if maps.get(name)}

    def _terms(self) -> Mapping[str, Any]:
        categories = {name: dict(numbers) for name, numbers in self.categories.items()}
        facts = {name: self.statistics.get(name) for name in self.features}
        scales = {n: (s.offset, s.divisor) for n, s in facts.items() if s and s.divisor is not None}
        mine = {"targets": dict(self.targets), "categories": categories, "scales": scales}
        return {**super()._terms(), **mine}

    def _stored(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        # The input fields, each with the names of its columns.
        first = 0
        for field in self.fields:
            if not field.is_target:
                last = first + field.shape[0]
                yield field.name, self.manifest.features[first:last]
                first = last

    def _open(self) -> "Reader":
        from shardmill.datasets.gather.tabular_reader import TabularReader

        kept: dict[str, list[int] | None] = {}
        for field, names in self._stored():
            left = [index for index, name in enumerate(names) if name not in self._dropped]
            if left:
                kept[field] = left if len(left) < len(names) else None
        return TabularReader(self._mapped, self._transforms(), rows=len(self), kept=kept)


class TitanicDataset(TabularDataset):
    """The artifact of the recipe `titanic`; see `TabularDataset`."""

    def __init__(
        self,
        path: str | os.PathLike[str] = "artifacts/titanic",
        split: str = "train",
        **options: Any,
    ) -> None:
        super().__init__(path, split, **options)
