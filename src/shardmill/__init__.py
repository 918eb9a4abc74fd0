"""Tables, texts and images in, cleaned Parquet and memory-mapped tensor shards out.

A public name is loaded when it is first used. So reading shards never imports the libraries of the
pipeline, and the help of the command imports neither torch nor pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from shardmill.version import __version__ as __version__

if TYPE_CHECKING:
    from shardmill.datasets.dataset import (
        ShardDataset as ShardDataset,
    )
    from shardmill.datasets.image import (
        ImageDataset as ImageDataset,
        MNISTDataset as MNISTDataset,
    )
    from shardmill.datasets.joined import (
        concat as concat,
        mix as mix,
    )
    from shardmill.datasets.open_artifact import open as open  # noqa: A004  the name that users expect
    from shardmill.datasets.tabular import (
        TabularDataset as TabularDataset,
        TitanicDataset as TitanicDataset,
    )
    from shardmill.datasets.text import (
        AGNewsDataset as AGNewsDataset,
        TextDataset as TextDataset,
    )
    from shardmill.errors import (
        AgreementError as AgreementError,
        ArrayFormatError as ArrayFormatError,
        ArtifactError as ArtifactError,
        BinaryFileError as BinaryFileError,
        ChangedFileError as ChangedFileError,
        ChangedObjectError as ChangedObjectError,
        ColumnsError as ColumnsError,
        CompressionError as CompressionError,
        CredentialsError as CredentialsError,
        CsvFormatError as CsvFormatError,
        DamagedFileError as DamagedFileError,
        DivergedError as DivergedError,
        DividedTwiceError as DividedTwiceError,
        DroppedRowError as DroppedRowError,
        EmptyFileError as EmptyFileError,
        EncodingError as EncodingError,
        FetchError as FetchError,
        FieldCountError as FieldCountError,
        FileTakenTwiceError as FileTakenTwiceError,
        ForkedError as ForkedError,
        FormatVersionError as FormatVersionError,
        GivenRowError as GivenRowError,
        IdxSizeError as IdxSizeError,
        ImageFileError as ImageFileError,
        ImageShapeError as ImageShapeError,
        InputError as InputError,
        JsonFormatError as JsonFormatError,
        KindError as KindError,
        KindOfRowsError as KindOfRowsError,
        LabelShapeError as LabelShapeError,
        LockedError as LockedError,
        ManifestError as ManifestError,
        MissingArtifactError as MissingArtifactError,
        MissingLibraryError as MissingLibraryError,
        MissingObjectError as MissingObjectError,
        MissingRawFileError as MissingRawFileError,
        ModelError as ModelError,
        NotAFileError as NotAFileError,
        NotCleanedError as NotCleanedError,
        OutputError as OutputError,
        PublishedMeanwhileError as PublishedMeanwhileError,
        RankError as RankError,
        RecipeError as RecipeError,
        RegionError as RegionError,
        ResumeError as ResumeError,
        RowCountError as RowCountError,
        RowTooLongError as RowTooLongError,
        SampleListError as SampleListError,
        SettingsError as SettingsError,
        ShardmillError as ShardmillError,
        StorageAnswerError as StorageAnswerError,
        StorageError as StorageError,
        TableFormatError as TableFormatError,
        TokenizerFileError as TokenizerFileError,
        TooManyBadRowsError as TooManyBadRowsError,
        TrainingError as TrainingError,
        UnclearFilesError as UnclearFilesError,
        UnclosedQuoteError as UnclosedQuoteError,
        UnknownCategoryError as UnknownCategoryError,
        UnknownClassError as UnknownClassError,
        UnknownSplitError as UnknownSplitError,
        UnreachableError as UnreachableError,
        UnreadableFileError as UnreadableFileError,
        UnsupportedStorageError as UnsupportedStorageError,
        UntrainableError as UntrainableError,
        ValueFormatError as ValueFormatError,
        WorkerError as WorkerError,
    )
    from shardmill.format.batch import (
        Bag as Bag,
        Padded as Padded,
    )
    from shardmill.format.join_pair import (
        JoinedPair as JoinedPair,
        join_pair as join_pair,
    )
    from shardmill.format.manifest import (
        Manifest as Manifest,
    )
    from shardmill.pipeline.builds.build_rows import (
        build as build,
    )
    from shardmill.serve.bring_model import (
        bring_model as bring_model,
    )
    from shardmill.serve.model_facts import (
        ModelFacts as ModelFacts,
        NumberTarget as NumberTarget,
        TrainedOn as TrainedOn,
    )
    from shardmill.serve.model_folder import (
        read_model as read_model,
        write_model as write_model,
    )
    from shardmill.serve.preprocessor import (
        Preprocessor as Preprocessor,
    )
    from shardmill.text.vocab import (
        TorchtextImportError as TorchtextImportError,
        UnknownTokenError as UnknownTokenError,
        Vocab as Vocab,
    )
    from shardmill.training.saved.load_model import (
        load_model as load_model,
    )

# The public names by the module that they come from. The imports above say the same to type
# checkers, which do not run code; a test compares the two.
_NAMES = {
    "shardmill.datasets.dataset": ("ShardDataset",),
    "shardmill.datasets.image": (
        "ImageDataset",
        "MNISTDataset",
    ),
    "shardmill.datasets.joined": (
        "concat",
        "mix",
    ),
    "shardmill.datasets.open_artifact": ("open",),
    "shardmill.datasets.tabular": (
        "TabularDataset",
        "TitanicDataset",
    ),
    "shardmill.datasets.text": (
        "AGNewsDataset",
        "TextDataset",
    ),
    "shardmill.errors": (
        "AgreementError",
        "ArrayFormatError",
        "ArtifactError",
        "BinaryFileError",
        "ChangedFileError",
        "ChangedObjectError",
        "ColumnsError",
        "CompressionError",
        "CredentialsError",
        "CsvFormatError",
        "DamagedFileError",
        "DivergedError",
        "DividedTwiceError",
        "DroppedRowError",
        "EmptyFileError",
        "EncodingError",
        "FetchError",
        "FieldCountError",
        "FileTakenTwiceError",
        "ForkedError",
        "FormatVersionError",
        "GivenRowError",
        "IdxSizeError",
        "ImageFileError",
        "ImageShapeError",
        "InputError",
        "JsonFormatError",
        "KindError",
        "KindOfRowsError",
        "LabelShapeError",
        "LockedError",
        "ManifestError",
        "MissingArtifactError",
        "MissingLibraryError",
        "MissingObjectError",
        "MissingRawFileError",
        "ModelError",
        "NotAFileError",
        "NotCleanedError",
        "OutputError",
        "PublishedMeanwhileError",
        "RankError",
        "RecipeError",
        "RegionError",
        "ResumeError",
        "RowCountError",
        "RowTooLongError",
        "SampleListError",
        "SettingsError",
        "ShardmillError",
        "StorageAnswerError",
        "StorageError",
        "TableFormatError",
        "TokenizerFileError",
        "TooManyBadRowsError",
        "TrainingError",
        "UnclearFilesError",
        "UnclosedQuoteError",
        "UnknownCategoryError",
        "UnknownClassError",
        "UnknownSplitError",
        "UnreachableError",
        "UnreadableFileError",
        "UnsupportedStorageError",
        "UntrainableError",
        "ValueFormatError",
        "WorkerError",
    ),
    "shardmill.format.batch": (
        "Bag",
        "Padded",
    ),
    "shardmill.format.join_pair": (
        "JoinedPair",
        "join_pair",
    ),
    "shardmill.format.manifest": ("Manifest",),
    "shardmill.pipeline.builds.build_rows": ("build",),
    "shardmill.serve.bring_model": ("bring_model",),
    "shardmill.serve.model_facts": (
        "ModelFacts",
        "NumberTarget",
        "TrainedOn",
    ),
    "shardmill.serve.model_folder": (
        "read_model",
        "write_model",
    ),
    "shardmill.serve.preprocessor": ("Preprocessor",),
    "shardmill.text.vocab": (
        "TorchtextImportError",
        "UnknownTokenError",
        "Vocab",
    ),
    "shardmill.training.saved.load_model": ("load_model",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'shardmill' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
