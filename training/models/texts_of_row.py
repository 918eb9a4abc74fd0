"""Features of rows that have one text, or several that are compared with each other."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from shardmill.format.batch import Bag


def row_features(
    x: Bag | Mapping[str, Bag], groups: Sequence[str], features_of: Callable[[Bag], Tensor]
) -> Tensor:
    """Return the features of rows, float32 [b, `row_width`].

    Each text has the features that `features_of` returns for it. Those of several texts of a row
    stand side by side, and after them stand the distance and the product of each two neighbours, as
    in InferSent (Conneau et al. 2017).

    Args:
        x: The text of each row, or its texts by group.
        groups: The names of the texts in order; empty if there is one.
        features_of: Returns features [b, width] of one text of each row.
    """
    if isinstance(x, Bag):
        return features_of(x)
    found = [features_of(x[group]) for group in groups]
    compared = [part for a, b in pairwise(found) for part in ((a - b).abs(), a * b)]
    return torch.cat([*found, *compared], dim=1)


def row_width(width: int, groups: Sequence[str]) -> int:
    """Return how many features a row has if each of its texts has `width`.

    Example:
        >>> row_width(64, []), row_width(64, ["premise", "hypothesis"])
        (64, 256)
    """
    texts = max(len(groups), 1)
    return (3 * texts - 2) * width
