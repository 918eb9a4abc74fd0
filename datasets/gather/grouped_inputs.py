"""Gathers inputs of several fields: one for each group of features, or for each text."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from shardmill.datasets.gather.split_reader import Inputs
from shardmill.datasets.gather.text_stack import TextStack


class GroupedInputs:
    """Inputs of several fields: `x` is {group: what the inputs of the group give}.

    Args:
        groups: The inputs of each group.
    """

    def __init__(self, groups: Mapping[str, Inputs]) -> None:
        self._groups = groups
        stacks = {name: inputs.stack for name, inputs in groups.items() if inputs.stack}
        self._texts = [groups[name] for name in stacks]
        first = next(iter(stacks.values()), None)
        self.stack: TextStack | None = first and replace(first, texts=frozenset(stacks))

    def batches(self, rows: Tensor) -> Iterator[dict[str, Any]]:
        """Yield the `x` of each batch of `rows` [n, b]."""
        parts = [inputs.batches(rows) for inputs in self._groups.values()]
        return (dict(zip(self._groups, xs, strict=True)) for xs in zip(*parts, strict=True))

    def lengths(self, rows: Tensor) -> Tensor:
        """Return how many tokens all texts of `rows` have together, int64 of the same shape.

        Raises:
            TypeError: All rows have one size.
        """
        of_groups = [inputs.lengths(rows) for inputs in self._texts or self._groups.values()]
        return sum(of_groups[1:], of_groups[0])
