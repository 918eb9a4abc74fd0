"""One split of an artifact as a dataset: opening, facts, numpy arrays."""

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from shardmill.datasets.batch_dataset import BatchDataset
from shardmill.datasets.gather.mapped_split import MappedSplit, read_only
from shardmill.errors import KindError, UnknownSplitError
from shardmill.faults import hint
from shardmill.format.layout import Field
from shardmill.format.manifest import Manifest, SplitRecord, Statistics

if TYPE_CHECKING:
    from shardmill.datasets.gather.row_reader import Reader, Transforms

Transform = Callable[[Any], Any]


class ShardDataset(BatchDataset):
    """One split of an artifact, mapped into memory when the first row is read.

    Datasets survive fork, spawn and pickling: they take their paths along, not their maps.

    Args:
        path: the artifact's folder.
        split: one of its splits.
        transform: applied to `x` as it would be returned: to a row, or to a whole batch.
        target_transform: likewise to `y`.
        per_row: apply the transforms to each row of a batch instead, and stack what they return.
        manifest: that of the artifact, where it was read before.

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
        manifest: Manifest | None = None,
    ) -> None:
        self.path = Path(path).absolute()
        self.manifest = Manifest.load(path) if manifest is None else manifest
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
    def _mapped(self) -> MappedSplit:
        return MappedSplit(self.path, self._record)

    def _transforms(self) -> "Transforms":
        from shardmill.datasets.gather.row_reader import Transforms

        return Transforms(self._transform, self._target_transform, self._per_row)

    def _open(self) -> "Reader":
        from shardmill.datasets.gather.row_reader import RowReader

        return RowReader(self._mapped, self._transforms(), rows=len(self))

    def _identity(self) -> str:
        return f"{self.manifest.name}/{self.split} {self.manifest.shard_key[:12]}"

    def _terms(self) -> Mapping[str, Any]:
        shapes = {field.name: _shape_of(field) for field in self.fields}
        return {"kind": self.kind, **shapes, "classes": self.classes, "features": self.features}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_mapped"}

    def __len__(self) -> int:
        return self._record.rows

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes by index; None without a target, or where it is no class."""
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
        """Dtype in the files and shape of `x` and, if there is a target, of `y`, or of each."""
        return self._record.fields

    @property
    def labelled(self) -> bool:
        """Whether the split has a target."""
        return self._record.labelled

    def numpy(self) -> dict[str, npt.NDArray[Any]]:
        """Return the rows of all fields as read-only arrays over the mapped files; needs no torch.

        They are as they are stored, classes of tables in small integers. Options such as
        `drop_features`, `max_tokens` and transforms do not act on them, and `manifest.features`
        names the columns of `x`.
        `x` [rows, *shape] and `y` [rows], or `x.<group>` and `y.<target>`. Of texts, row i is
        `x[offsets[i] : offsets[i] + sizes[i]]`, with `offsets` [rows] int64 (computed, if there are
        several shards) and `sizes` [rows] int32; between shards, `x` has zeros. Where the system
        cannot map all shards into one array, these are copies.
        """
        arrays = {name: self._mapped.array(name) for name in self._mapped.sources}
        if not any(field.ragged for field in self.fields):
            return arrays
        offsets, sizes = arrays.pop("x.offsets"), arrays.pop("x.sizes")
        if len(self._record.shards) > 1:  # from those within each shard to those within `x`
            shards = np.arange(len(self)) // self._record.rows_per_shard
            offsets = read_only(offsets + shards * self._mapped.sources["x"].stride)
        return arrays | {"offsets": offsets, "sizes": sizes}

    def __repr__(self) -> str:
        facts = [f"{len(self):,} rows"]
        facts += [f"{field.name} {_shape_of(field)}" for field in self.fields]
        if self.classes is not None:
            facts.append(f"{len(self.classes)} classes")
        facts += ["sample data"] * self.sample
        return f"{type(self).__name__}({self.manifest.name}/{self.split}: {', '.join(facts)})"


def _shape_of(field: Field) -> str:
    return f"{field.batch_dtype} {'ragged' if field.ragged else list(field.shape)}"


def _find_split(manifest: Manifest, path: object, split: str) -> SplitRecord:
    if split in manifest.splits:
        return manifest.splits[split]
    raise UnknownSplitError(
        path,
        expected=f"a split, one of {', '.join(manifest.splits)}",
        found=repr(split),
        fix=hint(split, manifest.splits, "name one of them"),
    )
