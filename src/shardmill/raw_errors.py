"""The errors about raw files and their rows; `shardmill.errors` has all errors."""

from shardmill.shardmill_error import ShardmillError


class InputError(ShardmillError):
    """A raw file that is not what its recipe says."""

    exit_code = 4


class UnclearFilesError(InputError):
    """Raw files that do not say all that a recipe must say."""


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


class ArrayFormatError(InputError):
    """A file without the array that is meant, or of elements that no tensor has."""


class ImageFileError(InputError):
    """An image in a file of its own that cannot be read, or is not as the recipe says."""


class IdxSizeError(InputError):
    """An IDX file whose dimensions promise more or fewer bytes than the file holds."""


class RowCountError(InputError):
    """Two files that should have equally many rows, but do not."""


class LabelShapeError(InputError):
    """Labels of images that have more or fewer numbers than the recipe says."""


class TokenizerFileError(InputError):
    """A tokenizer.json that cannot be read."""
