"""The types of rows and batches, by which type checkers know what a dataset gives.

A dataset has two of them: that of a row, `ds[0]`, and that of a batch, `ds[:256]`, which its loader
gives too. Both are `(x, y)`, or `x` alone if the split has no target, or a dict if fields have
names. What they are depends on the artifact, so they are parameters, and the usual type is the
default:
`TabularDataset[tuple[dict[str, Tensor], Tensor]]` is a table with groups of features.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from typing_extensions import TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from shardmill.format.manifest import Manifest

Row = TypeVar("Row", default=Any)
Batch = TypeVar("Batch", default=Any)

# What stands for several rows between the brackets of `ds[...]`. A list of bools or an array of
# them is a mask.
Rows: TypeAlias = "slice | Sequence[int] | npt.NDArray[np.integer[Any] | np.bool_] | Tensor"

Transform = Callable[[Any], Any]
# How the `x` of a batch of texts is put together.
Layout = Literal["padded", "bag", "jagged"]

Shuffle = bool | Literal["blocks", "nodes", "shards"]
Weights: TypeAlias = 'Tensor | Sequence[float] | npt.NDArray[Any] | Literal["balanced"] | None'


class DatasetOptions(TypedDict, total=False):
    """The options of every dataset, for the overloads; see `ShardDataset`."""

    transform: Transform | None
    target_transform: Transform | None
    per_row: bool
    manifest: "Manifest | None"
    cache: "str | os.PathLike[str] | None"
    cache_bytes: int | None


class TextOptions(DatasetOptions, total=False):
    """The options of texts that do not change the type of a batch; see `TextDataset`."""

    max_tokens: int | None


class NamedOptions(TextOptions, total=False):
    """The options of any kind beside `names`, which decides the type of a batch alone."""

    drop_features: Sequence[str]
    layout: Layout
