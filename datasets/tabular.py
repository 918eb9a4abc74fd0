"""Rows of numbers made from mixed columns."""

import difflib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shardmill.datasets.dataset import ShardDataset

if TYPE_CHECKING:
    from shardmill.datasets.row_reader import Reader


class TabularDataset(ShardDataset):
    """Rows of a tabular artifact: `x` [f] float32, `y` the class index.

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
                close = difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(names)}"
                raise ValueError(f"{path} has no feature {name!r} to drop; {hint}")
        self._kept = [index for index, name in enumerate(names) if name not in drop_features]
        if not self._kept:
            raise ValueError(f"no feature of {path} is left: it has {', '.join(names)}")

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of `x`, without the dropped ones."""
        return tuple(self.manifest.features[index] for index in self._kept)

    @property
    def categories(self) -> Mapping[str, Mapping[str, int]]:
        """For each feature made from strings: the number of each value."""
        maps = {column["name"]: column["map"] for column in self.manifest.recipe["columns"]}
        return {name: maps[name] for name in self.features if maps[name]}

    def _terms(self) -> Mapping[str, Any]:
        categories = {name: dict(numbers) for name, numbers in self.categories.items()}
        return {**super()._terms(), "categories": categories}

    def _open(self) -> "Reader":
        from shardmill.datasets.row_reader import TabularReader

        kept = self._kept if len(self._kept) < len(self.manifest.features) else None
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
