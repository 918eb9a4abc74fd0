"""The errors of shardmill: one class for each way in which something can be refused.

A message says where the fault is, what was expected, what was found and what to do. The command
line exits with the `exit_code` of the class. 0 is success, 1 any other failure, 2 wrong usage of
the command line, 130 an interrupt and 143 a termination.
"""

from typing import ClassVar, Self


class ShardmillError(Exception):
    """The base of all errors that are about the user's files rather than shardmill's code.

    Attributes:
        where: The file, line, field or option concerned.
        expected: What should have been there.
        found: What was there.
        fix: What the user can do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, where: object, *, expected: str, found: str, fix: str) -> None:
        self.where: str = str(where)
        self.expected = expected
        self.found = found
        self.fix = fix
        super().__init__(f"{self.where}: expected {expected}, found {found}; {fix}")

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are pickled between processes, and pickle cannot pass keyword-only arguments.
        facts = (type(self), self.where, self.expected, self.found, self.fix)
        return _rebuild, facts, vars(self)


def _rebuild(
    kind: type[ShardmillError], where: str, expected: str, found: str, fix: str
) -> ShardmillError:
    return kind(where, expected=expected, found=found, fix=fix)


class RecipeError(ShardmillError):
    """A recipe that cannot be read or is not valid; `found` lists every fault.

    Attributes:
        faults: The faults one by one; empty if the recipe could not be read so far.
    """

    exit_code = 3
    faults: tuple[str, ...] = ()


class InputError(ShardmillError):
    """A raw file that is not what its recipe says."""

    exit_code = 4


class MissingRawFileError(InputError):
    """A raw file that the recipe needs is not there."""


class EmptyFileError(InputError):
    """A raw file without a single row."""


class BinaryFileError(InputError):
    """A file that is no text, although a text file is expected."""


class UnreadableFileError(InputError):
    """A file that is not there, or that may not be read."""


class ChangedFileError(InputError):
    """A raw file whose content changed while it was in use."""


class NotAFileError(InputError):
    """A folder, pipe or device, although a regular file is expected."""


class KindOfRowsError(InputError):
    """Rows of another kind than the model takes."""


class ImageShapeError(InputError):
    """Images of another shape or dtype than the model takes."""


class CompressionError(InputError):
    """A gzip or zstd file that is cut short or damaged."""


class EncodingError(InputError):
    """A text file that is not in its encoding, which is UTF-8 unless the recipe names another."""


class ColumnsError(InputError):
    """A CSV file whose columns are not those of the recipe."""


class FieldCountError(InputError):
    """A CSV row with more or fewer fields than there are columns."""


class UnclosedQuoteError(InputError):
    """A quote in a CSV file that is never closed, or that is closed in a later line."""


class RowTooLongError(InputError):
    """A row of a CSV file that is longer than any real row; often a quote is missing."""


class CsvFormatError(InputError):
    """Text that cannot be parsed as rows of CSV."""


class TableFormatError(InputError):
    """A Parquet or Arrow file that cannot be read as one, or that breaks off."""


class JsonFormatError(InputError):
    """A line of a JSON Lines file that is no object of single values."""


class ValueFormatError(InputError):
    """A cell that cannot be read as the dtype of its column, or that must not be missing."""


class TooManyBadRowsError(InputError):
    """A split with more bad rows than the recipe allows."""


class SampleListError(InputError):
    """A list of sample files that `shardmill sample` did not write."""


class NotCleanedError(InputError):
    """The shard stage was asked to run, but the clean stage has not run before."""


class FileTakenTwiceError(InputError):
    """A raw file that two entries of a recipe both include."""


class UnknownClassError(InputError):
    """A label outside the recipe's classes."""


class UnknownCategoryError(InputError):
    """A cell outside its column's map or categories."""


class GivenRowError(InputError):
    """A row that a program gives to a preprocessor, and that is not like those of the recipe."""


class DroppedRowError(InputError):
    """A row to predict that a build would have dropped, so that there is no prediction."""


class IdxFormatError(InputError):
    """A file that does not start with a valid IDX header."""


class IdxSizeError(InputError):
    """An IDX file whose dimensions promise more or fewer bytes than the file holds."""


class RowCountError(InputError):
    """Two files that should have equally many rows, but do not."""


class LabelShapeError(InputError):
    """Labels of images that have more or fewer numbers than the recipe says."""


class TokenizerFileError(InputError):
    """A tokenizer.json that cannot be read."""


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
    """Datasets that cannot be joined, because their rows mean different things."""


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
