"""One split of an artifact as a dataset: opening, facts, numpy arrays."""

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from shardmill.datasets.batch_dataset import BatchDataset
from shardmill.datasets.field_names import name_fields
from shardmill.datasets.find_cached import find_cached
from shardmill.datasets.find_split import find_split
from shardmill.datasets.gather.mapped_split import MappedSplit, read_only
from shardmill.datasets.item_types import Batch, Layout, Row, Transform
from shardmill.datasets.texts_of_split import find_text, names_of_rows
from shardmill.errors import KindError
from shardmill.format.layout import Field, fixed_tensors
from shardmill.format.manifest import FileRecord, Manifest, Statistics

if TYPE_CHECKING:
    import pandas as pd

    from shardmill.datasets.gather.reader import Reader
    from shardmill.datasets.gather.split_reader import Inputs
    from shardmill.serve.preprocessor import Preprocessor


class ShardDataset(BatchDataset[Row, Batch]):
    """One split of an artifact. It is mapped into memory when the first row is read.

    Datasets survive fork, spawn and pickling: they take their paths along, not their maps.

    Args:
        path: The folder of the artifact, or its URL.
        split: The name of one of its splits.
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
        ValueError: A field in `names` is unknown, or two fields get the same name.
        TypeError: `names` does not map texts to texts.
        ArtifactError: The artifact cannot be read.
        StorageError: The storage at the URL refused or failed.
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
        names: Mapping[str, str] | None = None,
        manifest: Manifest | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        cached = self._cached = find_cached(path, cache, cache_bytes)
        self.path: Path = Path(path).absolute() if cached is None else cached.folder
        self.where: str = str(self.path) if cached is None else cached.url  # for errors
        if manifest is None:
            manifest = Manifest.load(path) if cached is None else cached.load_manifest()
        self.manifest: Manifest = manifest
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
        self._record = find_split(self.manifest, path, split)
        if names is not None:
            self._names = name_fields(names, self.manifest, where=path, layout=self._text_layout())

    def _text_layout(self) -> Layout | None:
        return None

    @cached_property
    def _mapped(self) -> MappedSplit:
        return MappedSplit(self.path, self._record, self._cached)

    def _brought(self, records: Iterable[FileRecord]) -> tuple[FileRecord, ...]:
        """Bring files to `path`, if the artifact is elsewhere, and return their records."""
        records = tuple(records)
        if self._cached is not None:
            self._cached.bring(records)
        return records

    def _inputs(self) -> "Inputs":
        """Return what gathers `x` of the mapped split."""
        from shardmill.datasets.gather.fixed_inputs import FixedInputs

        return FixedInputs(self._mapped)

    def _open(self) -> "Reader":
        from shardmill.datasets.gather.split_reader import SplitReader, Transforms

        transforms = Transforms(self._transform, self._target_transform, self._per_row)
        return SplitReader(self._mapped, self._inputs(), transforms)

    def _identity(self) -> str:
        return f"{self.manifest.name}/{self.split} {self.manifest.shard_key[:12]}"

    def _terms(self) -> Mapping[str, Any]:
        shapes = {field.name: _shape_of(field) for field in self.fields}
        facts = {"kind": self.kind, "classes": self.classes, "features": self.features}
        return {**facts, **shapes} | ({} if self._names is None else {"names": self._names})

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_mapped"}

    def __len__(self) -> int:
        return self._record.rows

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes by index; None without one target that is a class, or several."""
        return self.manifest.classes

    @property
    def encoder(self) -> dict[str, int]:
        """The index of each class name."""
        return {name: index for index, name in enumerate(self.classes or ())}

    @property
    def decoder(self) -> dict[int, str]:
        """The class name of each index."""
        return dict(enumerate(self.classes or ()))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features in `x`."""
        return self.manifest.features

    @property
    def statistics(self) -> Mapping[str, Statistics]:
        """Statistics of each feature, from the train split."""
        return self.manifest.statistics

    @property
    def sample(self) -> bool:
        """Whether the artifact was made from generated sample files instead of real ones."""
        return self.manifest.sample

    @property
    def fields(self) -> tuple[Field, ...]:
        """The name, role, shape and stored dtype of each tensor of `x` and of `y`."""
        return self._record.fields

    @property
    def labelled(self) -> bool:
        """Whether the split has a target."""
        return self._record.labelled

    def numpy(self) -> dict[str, npt.NDArray[Any]]:
        """Return all rows as read-only arrays over the mapped files. This needs no torch.

        The arrays are `x` [rows, *shape] and `y` [rows], or one `x.<group>` for each group and one
        `y.<target>` for each target. Values are as they are stored: the class indices of tables are
        small integers. Options such as `drop_features`, `max_tokens` and transforms do not act on
        them, and `manifest.features` names the columns of `x`.

        For texts, row i is `x[offsets[i] : offsets[i] + sizes[i]]`, with `offsets` [rows] int64 and
        `sizes` [rows] int32. If rows have several texts, `offsets` is `x.<group>.offsets`, and so
        on. If there are several shards, the offsets are computed, and `x` has
        zeros between shards. If the system cannot map all shards into one array, these are copies.

        Raises:
            DamagedFileError: A shard is missing or of another size than the manifest says.

        Example:
            >>> arrays = shardmill.open("artifacts/titanic").numpy()
            >>> arrays["x"].dtype, arrays["y"].dtype
            (dtype('float32'), dtype('uint8'))
        """
        arrays = {name: self._mapped.array(name) for name in self._mapped.sources}
        for field in self.fields:
            if not field.ragged:
                continue
            offsets, sizes = (arrays.pop(tensor.name) for tensor in fixed_tensors(field))
            if len(self._record.shards) > 1:  # stored offsets count from the start of their shard
                shards = np.arange(len(self)) // self._record.rows_per_shard
                offsets = read_only(offsets + shards * self._mapped.sources[field.name].stride)
            arrays |= zip(names_of_rows(field), (offsets, sizes), strict=True)
        return arrays

    def csr(self, group: str | None = None) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Return the ids of all texts, and where each text begins and ends. This needs no torch.

        Row i is `ids[ends[i] : ends[i + 1]]`, without gaps, as in the format CSR of sparse matrices
        (https://docs.scipy.org/doc/scipy/reference/generated/scipy.sparse.csr_array.html). So
        `csr_array((np.ones(len(ids)), ids, ends), (len(ds), len(ds.vocab)))` counts the tokens of
        each row. Unlike the `x` of `numpy`, ids of several shards are a copy.

        Args:
            group: The name of the text, if a row has several.

        Returns:
            ids: [sum of lengths], in their stored dtype.
            ends: [rows + 1] int64. The first one is 0.

        Raises:
            TypeError: The split has no texts.
            ValueError: There is no such text, or a row has several and none is named.
            DamagedFileError: A shard is missing or of another size than the manifest says.

        Example:
            >>> ids, ends = shardmill.open("artifacts/ag_news").csr()
            >>> first = ids[ends[0] : ends[1]]
        """
        field = find_text(self.fields, group, of=self)
        arrays = self.numpy()
        ids = arrays[field.name]
        offsets, sizes = (arrays[name] for name in names_of_rows(field))
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
        starts = range(0, len(self), self._record.rows_per_shard)
        parts = [
            ids[offsets[start] :][: ends[min(start + starts.step, len(self))] - ends[start]]
            for start in starts
        ]
        return (parts[0] if len(parts) == 1 else np.concatenate([ids[:0], *parts])), ends

    @property
    def preprocessor(self) -> "Preprocessor":
        """What turns raw rows into rows of this artifact, as `Preprocessor.load` returns it.

        Raises:
            ArtifactError: A file of the vocabulary is missing or damaged.
            StorageError: The storage at the URL refused or failed.
        """
        from shardmill.serve.preprocessor import Preprocessor

        vocabulary = self.manifest.vocabulary
        self._brought(() if vocabulary is None else vocabulary.files())
        return Preprocessor.load(self.path, manifest=self.manifest)

    @property
    def parquet(self) -> tuple[Path, ...]:
        """The Parquet files of the cleaned rows: together, the rows of the split in their order.

        Example:
            >>> from pyarrow.parquet import read_metadata
            >>> rows = sum(read_metadata(path).num_rows for path in ds.parquet)
        """
        return tuple(self.path / record.path for record in self._brought(self._record.parquet))

    def to_pandas(self) -> "pd.DataFrame":
        """Return all cleaned rows as a DataFrame, before they are encoded.

        Row i is the one that `ds[i]` is made of. Classes are their indices, which `decoder` names.
        Columns of whole numbers or bools with missing cells are of the dtypes `Int64` and
        `boolean`, so that no value changes.

        Raises:
            DamagedFileError: A file is missing, or is no Parquet.

        Example:
            >>> ages = shardmill.open("artifacts/titanic").to_pandas()["Age"]
        """
        from shardmill.datasets.cleaned_frame import cleaned_frame

        return cleaned_frame(self.parquet)

    def _repr_html_(self) -> str:
        from shardmill.datasets.dataset_html import dataset_html

        return dataset_html(self.manifest, self.split)

    def __repr__(self) -> str:
        facts = [f"{len(self):,} rows"]
        facts += [f"{field.name} {_shape_of(field)}" for field in self.fields]
        if self.classes is not None:
            facts.append(f"{len(self.classes)} classes")
        if self.sample:
            facts.append("sample data")
        return f"{type(self).__name__}({self.manifest.name}/{self.split}: {', '.join(facts)})"


def _shape_of(field: Field) -> str:
    return f"{field.batch_dtype} {'ragged' if field.ragged else list(field.shape)}"
