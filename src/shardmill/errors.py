"""The errors of shardmill: one class for each way in which something can be refused.

A message says where the fault is, what was expected, what was found and what to do. The command
line exits with the `exit_code` of the class. 0 is success, 1 any other failure, 2 wrong usage of
the command line, 130 an interrupt and 143 a termination.
"""

from typing import Self

from shardmill.raw_errors import (
    ArrayFormatError as ArrayFormatError,
    BinaryFileError as BinaryFileError,
    ChangedFileError as ChangedFileError,
    ColumnsError as ColumnsError,
    CompressionError as CompressionError,
    CsvFormatError as CsvFormatError,
    DroppedRowError as DroppedRowError,
    EmptyFileError as EmptyFileError,
    EncodingError as EncodingError,
    FieldCountError as FieldCountError,
    FileTakenTwiceError as FileTakenTwiceError,
    GivenRowError as GivenRowError,
    IdxSizeError as IdxSizeError,
    ImageFileError as ImageFileError,
    ImageShapeError as ImageShapeError,
    InputError as InputError,
    JsonFormatError as JsonFormatError,
    KindOfRowsError as KindOfRowsError,
    LabelShapeError as LabelShapeError,
    MissingRawFileError as MissingRawFileError,
    NotAFileError as NotAFileError,
    NotCleanedError as NotCleanedError,
    RowCountError as RowCountError,
    RowTooLongError as RowTooLongError,
    SampleListError as SampleListError,
    TableFormatError as TableFormatError,
    TokenizerFileError as TokenizerFileError,
    TooManyBadRowsError as TooManyBadRowsError,
    UnclearFilesError as UnclearFilesError,
    UnclosedQuoteError as UnclosedQuoteError,
    UnknownCategoryError as UnknownCategoryError,
    UnknownClassError as UnknownClassError,
    UnreadableFileError as UnreadableFileError,
    ValueFormatError as ValueFormatError,
)
from shardmill.shardmill_error import ShardmillError as ShardmillError
from shardmill.storage_errors import (
    ChangedObjectError as ChangedObjectError,
    CredentialsError as CredentialsError,
    ForkedError as ForkedError,
    MissingObjectError as MissingObjectError,
    PublishedMeanwhileError as PublishedMeanwhileError,
    RegionError as RegionError,
    StorageAnswerError as StorageAnswerError,
    StorageError as StorageError,
    UnreachableError as UnreachableError,
    UnsupportedStorageError as UnsupportedStorageError,
)


class RecipeError(ShardmillError):
    """A recipe that cannot be read or is not valid; `found` lists every fault.

    Attributes:
        faults: The faults one by one; empty if the recipe could not be read so far.
    """

    exit_code = 3
    faults: tuple[str, ...] = ()


class MissingLibraryError(ShardmillError):
    """An optional library that is needed here, but is not installed."""


class ArtifactError(ShardmillError):
    """An artifact that cannot be read."""

    exit_code = 5


class MissingArtifactError(ArtifactError):
    """No artifact at the path."""


class ManifestError(ArtifactError):
    """A manifest that is damaged or breaks the format."""


class FormatVersionError(ArtifactError):
    """An artifact written in a newer format than this reader knows."""

    @classmethod
    def newer(cls, where: object, *, known: str, found: int) -> Self:
        """Return the error for a version that is newer than the newest known one.

        Args:
            where: The file.
            known: The newest known version, in words.
            found: The version of the file.
        """
        return cls(
            where,
            expected=f"{known} or older",
            found=f"version {found}",
            fix="read it with a newer shardmill: pip install --upgrade shardmill",
        )


class AgreementError(ArtifactError):
    """Datasets that cannot be joined, or that are not the same for all ranks of a run."""


class ModelError(ArtifactError):
    """A model whose parts do not fit each other, or do not fit the rows that it is given."""


class DamagedFileError(ArtifactError):
    """A file of an artifact that is missing, of another size, or of another checksum."""


class UnknownSplitError(ArtifactError):
    """A split that the artifact does not have."""


class KindError(ArtifactError):
    """An artifact of another kind than the class that opens it."""


class DividedTwiceError(ShardmillError):
    """Rows that are divided among processes, and that another library would divide again."""


class LockedError(ShardmillError):
    """Another process is building the same artifact."""

    exit_code = 6


class WorkerError(ShardmillError):
    """A process of a build ended before its task did, without an error of the task."""


class OutputError(ShardmillError):
    """A folder or file that cannot be written."""

    exit_code = 7

    @classmethod
    def unwritable(cls, where: object, error: OSError, *, fix: str) -> Self:
        """Return the error for what the system said when writing failed.

        Args:
            where: The folder or file.
            error: What the system said.
            fix: What the user can do next.
        """
        found = str(error.strerror or error)
        return cls(where, expected="a folder that can be written", found=found, fix=fix)


class FetchError(ShardmillError):
    """No mirror gave the published file."""

    exit_code = 8


class TrainingError(ShardmillError):
    """A run that cannot be started, or cannot go on."""

    exit_code = 9


class UntrainableError(TrainingError):
    """An artifact that the baselines cannot be trained on."""


class SettingsError(TrainingError):
    """Settings of a run that cannot be read or are not valid; `found` lists every fault."""


class ResumeError(TrainingError):
    """A checkpoint that is not there, or that belongs to another run than the resumed one."""


class DivergedError(TrainingError):
    """A loss or a weight that is not finite."""


class RankError(TrainingError):
    """A process of a run ended before the run did, without an error of shardmill."""
