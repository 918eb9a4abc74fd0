"""manifest.json, which says what an artifact holds. It is the only file that is ever replaced."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    Field,
    Strict as StrictType,
    ValidationError,
    ValidationInfo,
    WrapSerializer,
    WrapValidator,
    model_validator,
)

from shardmill.format import layout, manifest_rules as rules
from shardmill.format.file_record import (
    Count as Count,
    Digest as Digest,
    FileRecord as FileRecord,
    ParquetRecord as ParquetRecord,
    Sha256 as Sha256,
    ShardRecord as ShardRecord,
    VocabularyRecord as VocabularyRecord,
)
from shardmill.format.layout import FORMAT_VERSION
from shardmill.format.near_artifacts import MANIFEST_NAME, way_to_artifact
from shardmill.format.record import parse_record, read_content, to_json
from shardmill.strict import FaultsError, Strict, describe_faults

Kind = Literal["tabular", "image", "text"]


def _read_shards(value: Any, parse: Callable[[Any], Any], info: ValidationInfo) -> Any:
    """Return the shards that a manifest lists, or those of the table that it names or holds."""
    if isinstance(value, list | tuple):
        return parse(value)
    # with numpy, which few manifests need
    from shardmill.format.shard_table import ShardTable, read_table

    if isinstance(value, ShardTable):
        return value
    if not isinstance(value, dict):
        return parse(value)
    try:
        record = FileRecord.model_validate(value)
    except ValidationError as error:
        raise FaultsError(describe_faults(FileRecord, error)) from None
    if info.context is None:
        raise ValueError("a table of shards is read with the artifact that it is in")
    return read_table(info.context, record)


def _write_shards(shards: Any, dump: Callable[[Any], Any]) -> Any:
    return dump(shards) if isinstance(shards, tuple) else shards.record.model_dump()


if TYPE_CHECKING:
    from shardmill.format.shard_table import ShardTable

    Shards = tuple[ShardRecord, ...] | ShardTable
else:
    # JSON has lists where these records have tuples.
    Shards = Annotated[
        tuple[ShardRecord, ...],
        StrictType(False),
        WrapValidator(_read_shards),
        WrapSerializer(_write_shards),
    ]


class RawRecord(Strict):
    """A raw file that the artifact was made from.

    Attributes:
        path: The path in the recipe or, if that is a pattern, the path below the raw folder.
        bytes: The size of the content after decompression.
        digest: The digest of that content; FORMAT.md says how it is taken.
        published: Whether that is the published content; None if the recipe names no checksum.
        sample: Whether the file was generated as a sample.
    """

    path: str
    bytes: Count
    digest: Sha256
    published: bool | None
    sample: bool


class RawList(Strict):
    """The content of raw.json: the raw files that an artifact was made from.

    There may be many, and a reader needs none of them, so they are not in the manifest.
    """

    files: tuple[RawRecord, ...]


class CleanedSplit(Strict):
    """The cleaned rows of one split.

    Attributes:
        rows: How many rows there are.
        labelled: Whether the split has a target.
        parquet: The files of the cleaned rows.
        dropped: How many rows the recipe left out, by reason.
        rejected: How many rows are in quarantine, since they are not what the recipe says.
        left_out: The files of both, with file, line, reason and text of each row.
    """

    rows: Count
    labelled: bool
    parquet: tuple[ParquetRecord, ...]
    dropped: dict[str, Count] = Field(default_factory=dict)
    rejected: Count = 0
    left_out: tuple[ParquetRecord, ...] = ()

    def files(self) -> Iterator[FileRecord]:
        """Yield the files of cleaned rows, and of rows that were left out."""
        yield from self.parquet
        yield from self.left_out


class SplitRecord(CleanedSplit):
    """The cleaned rows of one split and their shards."""

    rows_per_shard: Annotated[Count, Field(ge=1)]
    fields: tuple[layout.Field, ...]
    shards: Shards

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for fault in rules.field_faults(self.fields):
            raise ValueError(fault)
        facts = {"rows": self.rows, "rows_per_shard": self.rows_per_shard}
        faults = (
            rules.shard_faults(self.fields, self.shards, **facts)
            if isinstance(self.shards, tuple)
            else self.shards.counts.faults(self.fields, **facts)
        )
        for fault in faults:
            raise ValueError(fault)
        return self

    def texts(self) -> dict[str, layout.Field]:
        """Return the fields of texts by group; one without a group is called `text`."""
        return {field.group or "text": field for field in self.fields if field.ragged}

    def unknown(self) -> dict[str, tuple[int, int]]:
        """Return how many values are unknown and how many there are in all, by feature."""
        if isinstance(self.shards, tuple):
            counts: Counter[str] = Counter()
            tokens: Counter[str] = Counter()
            for shard in self.shards:
                counts.update(shard.unknown)
                tokens.update(shard.values)
        else:
            counts, tokens = self.shards.totals("unknown"), self.shards.totals("values")
        of_text = {name: tokens[field.name] for name, field in self.texts().items()}
        return {name: (count, of_text.get(name, self.rows)) for name, count in counts.items()}

    def rows_per_shard_is_aligned(self) -> bool:
        """Say whether every fixed-size field of a full shard ends at a multiple of ALIGNMENT."""
        return layout.aligned_rows(self.fields, self.rows_per_shard) == self.rows_per_shard

    def files(self) -> Iterator[FileRecord]:
        """Yield all files of the split."""
        yield from super().files()
        if not isinstance(self.shards, tuple):
            yield self.shards.record
        yield from self.shards


class CleanRecord(Strict):
    """The content of clean.json, which the clean stage writes for the shard stage."""

    clean_key: Sha256
    splits: dict[str, CleanedSplit]


class Statistics(Strict):
    """Facts about one feature, from the train split alone.

    Attributes:
        mean: The mean of the stored values after imputation; None if they are no numbers.
        std: Their (population) standard deviation; None if they are no numbers.
        fill: The value that stands for a missing one, before it is scaled; None if there is none.
            It is an integer if it is the mode or the constant of a column of int64.
        missing: How many rows of the train split had no value.
        offset: A stored value is (value - offset) / divisor; None if it is not scaled.
        divisor: See `offset`.
        categories: The values in the order of their numbers, with `<unknown>` and `<missing>`
            before them if these have numbers; None without categories.
    """

    mean: float | None = None
    std: float | None = None
    fill: int | float | str | None = None
    missing: Count = 0
    offset: float | None = None
    divisor: float | None = None
    categories: tuple[str, ...] | None = None


class Manifest(Strict):
    """Everything that a reader needs to know of an artifact; FORMAT.md explains the keys."""

    format: Literal["shardmill"] = "shardmill"
    version: Annotated[int, Field(ge=1)] = FORMAT_VERSION
    writer: str
    name: str
    kind: Kind
    sample: bool
    recipe: dict[str, Any]
    recipe_sha256: Sha256
    clean_key: Sha256
    shard_key: Sha256
    requested_rows_per_shard: int | None
    raw: FileRecord
    card: FileRecord | None = None
    classes: tuple[str, ...] | None
    features: tuple[str, ...]
    statistics: dict[str, Statistics]
    vocabulary: VocabularyRecord | None
    splits: dict[str, SplitRecord]

    @model_validator(mode="after")
    def _suits_the_kind(self) -> Self:
        fields = [field for split in self.splits.values() for field in split.fields]
        in_table = self.kind == "tabular" and any(field.ragged for field in fields)
        has_texts = self.kind == "text" or in_table
        if (self.vocabulary is not None) != has_texts:
            raise ValueError("vocabulary: texts have one, and nothing else has")
        if "train" not in self.splits:
            raise ValueError("splits: a split called train is needed")
        labelled = any(split.labelled for split in self.splits.values())
        is_table = self.kind == "tabular"
        for fault in rules.recipe_faults(self.recipe, labelled=labelled) if is_table else ():
            raise ValueError(fault)
        for name, facts in self.statistics.items():
            if (facts.offset is None) != (facts.divisor is None):
                raise ValueError(f"statistics.{name}: needs both offset and divisor, or none")
        looked_at = None
        for name, split in self.splits.items():
            if looked_at == (split.fields, split.labelled):  # as those of most splits are
                continue
            looked_at = (split.fields, split.labelled)
            of_inputs = rules.input_faults(self.kind, split.fields, self.features)
            of_targets = rules.target_faults(
                split.fields, labelled=split.labelled, classes=self.classes
            )
            for fault in (*of_inputs, *of_targets):
                raise ValueError(f"splits.{name}.{fault}")
        return self

    def files(self) -> Iterator[FileRecord]:
        """Yield every file of the artifact except the manifest itself."""
        yield self.raw
        if self.card is not None:
            yield self.card
        for split in self.splits.values():
            yield from split.files()
        if self.vocabulary is not None:
            yield from self.vocabulary.files()

    def to_json(self) -> bytes:
        """Return the bytes of manifest.json: UTF-8 with sorted keys and a trailing newline."""
        return to_json(self)

    @classmethod
    def load(cls, artifact: str | os.PathLike[str]) -> Self:
        """Read `artifact`/manifest.json.

        Raises:
            MissingArtifactError: There is no manifest.
            FormatVersionError: Its version is newer than this reader knows.
            ManifestError: It is damaged, or breaks the format.
            DamagedFileError: A table of shards is missing, or is not the file that was written.
        """
        path = Path(artifact) / MANIFEST_NAME
        return cls.parse(path, read_content(path, fix=way_to_artifact))

    @classmethod
    def parse(cls, path: Path, content: bytes) -> Self:
        """Return the manifest of which `content` is the file.

        Args:
            path: Where the file is or will be. Tables of shards are read from its folder.
            content: The bytes of the file.

        Raises:
            FormatVersionError: Its version is newer than this reader knows.
            ManifestError: It is damaged, or breaks the format.
            DamagedFileError: A table of shards is missing, or is not the file that was written.
        """
        fix = "build the artifact again with `shardmill preprocess --force`"
        return parse_record(path, content, cls, version=FORMAT_VERSION, fix=fix)
