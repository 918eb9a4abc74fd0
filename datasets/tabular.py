"""Rows of numbers made from mixed columns."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import TypeVar

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.item_types import Layout, Transform
from shardmill.datasets.texts_of_split import (
    check_text_options,
    text_inputs,
    vocabulary_of,
    vocabulary_term,
)
from shardmill.faults import hint
from shardmill.format.layout import Field
from shardmill.format.manifest import Manifest
from shardmill.format.manifest_rules import target_column
from shardmill.text.load_vocab import load_vocab
from shardmill.text.vocab import Vocab

if TYPE_CHECKING:
    from torch import Tensor

    from shardmill.datasets.gather.split_reader import Inputs


# `x` and `y` are a tensor each, or dicts of tensors, as the recipe has it.
TableRow = TypeVar("TableRow", default="tuple[Tensor, Tensor]")


class TabularDataset(ShardDataset[TableRow, TableRow]):
    """The rows of a table: `x` [f] float32; `y` a class index, int64, or a number, float32.

    If the recipe has groups of features, `x` is a dict of tensors, {group: [f]}. Columns of texts
    are in it, too, each as `layout` says. If there are several targets, `y` is a dict as well,
    {target: []}. Without a target, rows are `x` alone. For a type checker, the parameter of the
    class says so: `TabularDataset[tuple[dict[str, Tensor], Tensor]]`.

    Args:
        path: The folder of the artifact, or its URL.
        split: The name of one of its splits.
        drop_features: The names of features, or of columns of texts, to leave out of `x`.
        layout: How texts are put together, if there are some; see `TextDataset`.
        max_tokens: How many tokens of a text are kept; None for all.
        transform: A function of `x` as it would be returned: of a row, or of a whole batch.
        target_transform: The same for `y`.
        per_row: Whether to apply the transforms to each row of a batch, and stack what they return.
        names: The names of fields in rows and batches, which are dicts then:
            `{"x": "pixel_values", "y": "labels"}`. Fields that are not listed keep their own names.
        manifest: The manifest of the artifact, if it was read before.
        cache: For a URL, the folder into which files are brought; None for the user's own.
        cache_bytes: How many bytes that folder may hold; None for any number.

    Raises:
        MissingArtifactError: There is no such artifact.
        UnknownSplitError: The artifact has no such split.
        KindError: The artifact is of another kind.
        ValueError: The artifact has no feature of a name to drop, or no feature would be left; or
            an option of texts is wrong.

    Example:
        >>> ds = shardmill.TabularDataset("artifacts/titanic", drop_features=["Fare"])
        >>> x, y = ds[:64]
        >>> x.shape, y.shape
        (torch.Size([64, 6]), torch.Size([64]))
    """

    kind = "tabular"

    def __init__(
        self,
        path: str | os.PathLike[str],
        split: str = "train",
        *,
        drop_features: Sequence[str] = (),
        layout: Layout = "padded",
        max_tokens: int | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        per_row: bool = False,
        names: Mapping[str, str] | None = None,
        manifest: Manifest | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        super().__init__(
            path,
            split,
            transform=transform,
            target_transform=target_transform,
            per_row=per_row,
            names=names,
            manifest=manifest,
            cache=cache,
            cache_bytes=cache_bytes,
        )
        if isinstance(drop_features, str):
            raise TypeError(f"drop_features is a list of names, not {drop_features!r}")
        check_text_options(layout, max_tokens)
        self._layout: Layout = layout
        self._max_tokens = max_tokens
        features = (*self.manifest.features, *self._record.texts())
        for name in drop_features:
            if name not in features:
                help_ = hint(name, features, f"it has {', '.join(features)}")
                raise ValueError(f"{path} has no feature {name!r} to drop; {help_}")
        self._dropped = frozenset(drop_features)
        if self._dropped.issuperset(features):
            raise ValueError(f"no feature of {path} is left: it has {', '.join(features)}")

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of `x` without the dropped ones, group after group."""
        return tuple(name for name in self.manifest.features if name not in self._dropped)

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the columns of each tensor of `x`, without the dropped ones.

        It is empty if `x` is a single tensor. Texts are in `texts`.
        """
        kept = {
            field.group: tuple(name for name in names if name not in self._dropped)
            for field, names in self._stored()
            if field.group is not None
        }
        return {group: names for group, names in kept.items() if names}

    @property
    def texts(self) -> tuple[str, ...]:
        """Names of the columns of texts without the dropped ones: keys of `x` beside the groups."""
        return tuple(name for name in self._record.texts() if name not in self._dropped)

    @cached_property
    def vocab(self) -> Vocab | None:
        """The vocabulary of the texts: the ids of the tokens. None if the table has no texts."""
        record = self.manifest.vocabulary
        if record is None:
            return None
        self._brought(record.files())
        return load_vocab(self.path, record)

    @property
    def targets(self) -> Mapping[str, tuple[str, ...] | None]:
        """The columns that `y` comes from, each with its class names, or None for a number.

        If each class has a column, it is named by the first of them.
        """
        recipe = self.manifest.recipe
        if "target" in recipe:
            return {target_column(recipe): self.classes}
        return {
            target["name"]: tuple(target["classes"]) if "classes" in target else None
            for target in recipe.get("targets", ())
        }

    @property
    def categories(self) -> Mapping[str, Mapping[str, int]]:
        """The number of each value of each feature that was made from strings."""
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
        if self.manifest.vocabulary is not None:
            vocabulary = vocabulary_term(self.manifest.vocabulary)
            mine |= {"vocabulary": vocabulary, "layout": self._layout}
        return {**super()._terms(), **mine}

    def _stored(self) -> Iterator[tuple[Field, tuple[str, ...]]]:
        # Yields the input fields, each with the names of its columns.
        first = 0
        for field in self.fields:
            if not (field.is_target or field.ragged):
                last = first + field.shape[0]
                yield field, self.manifest.features[first:last]
                first = last

    def _inputs(self) -> "Inputs":
        from shardmill.datasets.gather.fixed_inputs import FixedInputs
        from shardmill.datasets.gather.grouped_inputs import GroupedInputs

        alone: FixedInputs | None = None
        groups: dict[str, Inputs] = {}
        for field, names in self._stored():
            left = [index for index, name in enumerate(names) if name not in self._dropped]
            kept = left if len(left) < len(names) else None
            if field.group is None:
                alone = FixedInputs(self._mapped, field.name, kept=kept)
            elif left:
                groups[field.group] = FixedInputs(self._mapped, field.name, kept=kept)
        if self.texts:
            padding_id = vocabulary_of(self.manifest).padding_id
            texts = text_inputs(
                self._mapped,
                layout=self._layout,
                max_tokens=self._max_tokens,
                padding_id=padding_id,
            )
            groups |= {name: texts[name] for name in self.texts}
        return alone or GroupedInputs(groups)


class TitanicDataset(TabularDataset[TableRow]):
    """The artifact of the recipe `titanic`; see `TabularDataset`."""

    def __init__(
        self,
        path: str | os.PathLike[str] = "artifacts/titanic",
        split: str = "train",
        *,
        drop_features: Sequence[str] = (),
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        per_row: bool = False,
        names: Mapping[str, str] | None = None,
        manifest: Manifest | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        super().__init__(
            path,
            split,
            drop_features=drop_features,
            transform=transform,
            target_transform=target_transform,
            per_row=per_row,
            names=names,
            manifest=manifest,
            cache=cache,
            cache_bytes=cache_bytes,
        )
