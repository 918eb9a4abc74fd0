"""Every way in which shardmill refuses, one class each.

A message says where, what was expected, what was found and what to do. The exit codes of the
command line are the `exit_code` of the classes below; 0 is success, 1 any other failure, 2 wrong
usage of the command line, 130 an interrupt and 143 a termination.
"""

from typing import ClassVar, Self


class ShardmillError(Exception):
    """Base of all errors that are about the user's files rather than about shardmill's code.

    Attributes:
        where: the file, line, field or option concerned.
        expected: what should have been there.
        found: what was there.
        fix: what the user can do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, where: object, *, expected: str, found: str, fix: str) -> None:
        self.where: str = str(where)
        self.expected = expected
        self.found = found
        self.fix = fix
        super().__init__(f"{self.where}: expected {expected}, found {found}; {fix}")

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; keyword-only fields need a way back.
        return _rebuild, (type(self), self.where, self.expected, self.found, self.fix)


def _rebuild(
    kind: type[ShardmillError], where: str, expected: str, found: str, fix: str
) -> ShardmillError:
    return kind(where, expected=expected, found=found, fix=fix)


class RecipeError(ShardmillError):
    """A recipe that cannot be read or is not valid; `found` lists every fault."""

    exit_code = 3


class InputError(ShardmillError):
    """A raw file that is not what its recipe says."""

    exit_code = 4


class MissingRawFileError(InputError):
    """A raw file that the recipe needs is not there."""


class EmptyFileError(InputError):
    """A raw file without a single row."""


class BinaryFileError(InputError):
    """A file of bytes that are no text, where a text file is expected."""


class UnreadableFileError(InputError):
    """A file that is not there, or that may not be read."""


class ChangedFileError(InputError):
    """A raw file whose content changed while it was in use."""


class NotAFileError(InputError):
    """A folder, pipe or device, where a regular file is expected."""


class KindOfRowsError(InputError):
    """Rows of another kind than the model takes."""


class ImageShapeError(InputError):
    """Images of another shape or dtype than the model takes."""


class CompressionError(InputError):
    """A gzip or zstd file that is cut short or damaged."""


class EncodingError(InputError):
    """A text file that is not in its encoding: the one that the recipe says, or UTF-8."""


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


class ValueFormatError(InputError):
    """A cell that cannot be read as its column's dtype, or is missing where it must not be."""


class TooManyBadRowsError(InputError):
    """More rows that are not what the recipe says than the recipe allows."""


class SampleListError(InputError):
    """A list of sample files that `shardmill sample` did not write."""


class NotCleanedError(InputError):
    """The shard stage is to run, and the clean stage has left no rows for it."""


class FileTakenTwiceError(InputError):
    """A raw file that two entries of a recipe take in."""


class UnknownClassError(InputError):
    """A label outside the recipe's classes."""


class UnknownCategoryError(InputError):
    """A cell outside its column's map or categories."""


class GivenRowError(InputError):
    """A row that a program gives to a preprocessor and that is not what the recipe says."""


class DroppedRowError(InputError):
    """A row to predict that the recipe leaves out, so that there is nothing to predict from."""


class IdxFormatError(InputError):
    """A file that does not start with a valid IDX header."""


class IdxSizeError(InputError):
    """An IDX file whose dimensions promise more or fewer bytes than the file holds."""


class RowCountError(InputError):
    """Two files that should hold one row each for the same thing hold different numbers."""


class TokenizerFileError(InputError):
    """A tokenizer.json that cannot be read."""


class MissingLibraryError(ShardmillError):
    """A library that is needed only for what was asked, and is not installed."""


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
        """Return the error for a version that is newer than the newest that is known, in words."""
        return cls(
            where,
            expected=f"{known} or older",
            found=f"version {found}",
            fix="read it with a newer shardmill: pip install --upgrade shardmill",
        )


class AgreementError(ArtifactError):
    """Two datasets that are to be joined and differ in what their rows mean."""


class ModelError(ArtifactError):
    """A model whose parts do not fit each other, or not the rows that it is given."""


class DamagedFileError(ArtifactError):
    """A file of an artifact that is missing, of another size, or of another checksum."""


class UnknownSplitError(ArtifactError):
    """A split that the artifact does not have."""


class KindError(ArtifactError):
    """An artifact of another kind than the class that opens it reads."""


class LockedError(ShardmillError):
    """Another process is building the same artifact."""

    exit_code = 6


class WorkerError(ShardmillError):
    """A process of a build has ended before its task, by no error of the task's own."""


class OutputError(ShardmillError):
    """A folder or file that cannot be written."""

    exit_code = 7

    @classmethod
    def unwritable(cls, where: object, error: OSError, *, fix: str) -> Self:
        """Return the error for what the system said when something was to be written."""
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
    """A checkpoint that is not there, or is of another run than the one that is to go on."""


class DivergedError(TrainingError):
    """A loss or a weight that is not finite."""


class RankError(TrainingError):
    """A process of a run has ended before the run, by no error of shardmill's own."""
