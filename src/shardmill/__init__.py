"""Raw CSV and IDX files in, cleaned Parquet and memory-mapped tensor shards out.

What is public is loaded when it is first used: reading shards never imports the pipeline's
libraries, and the command's help imports neither torch nor pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from shardmill.version import __version__ as __version__

if TYPE_CHECKING:
    from shardmill.datasets.dataset import ShardDataset
    from shardmill.datasets.image import ImageDataset, MNISTDataset
    from shardmill.datasets.joined import concat, mix
    from shardmill.datasets.open_artifact import open  # noqa: A004  the name users expect
    from shardmill.datasets.tabular import TabularDataset, TitanicDataset
    from shardmill.datasets.text import AGNewsDataset, TextDataset
    from shardmill.errors import (
        DivergedError,
        MissingLibraryError,
        ModelError,
        OutputError,
        RankError,
        ResumeError,
        SettingsError,
        ShardmillError,
    )
    from shardmill.format.batch import Bag, Padded
    from shardmill.format.manifest import Manifest
    from shardmill.serve.model_folder import ModelFacts, TrainedOn, read_model, write_model
    from shardmill.serve.preprocessor import Preprocessor
    from shardmill.text.vocab import Vocab
    from shardmill.training.saved.load_model import load_model

_HOMES = {
    "AGNewsDataset": "shardmill.datasets.text",
    "Bag": "shardmill.format.batch",
    "DivergedError": "shardmill.errors",
    "ImageDataset": "shardmill.datasets.image",
    "MNISTDataset": "shardmill.datasets.image",
    "Manifest": "shardmill.format.manifest",
    "MissingLibraryError": "shardmill.errors",
    "ModelError": "shardmill.errors",
    "ModelFacts": "shardmill.serve.model_folder",
    "OutputError": "shardmill.errors",
    "Padded": "shardmill.format.batch",
    "Preprocessor": "shardmill.serve.preprocessor",
    "RankError": "shardmill.errors",
    "ResumeError": "shardmill.errors",
    "SettingsError": "shardmill.errors",
    "ShardDataset": "shardmill.datasets.dataset",
    "ShardmillError": "shardmill.errors",
    "TabularDataset": "shardmill.datasets.tabular",
    "TextDataset": "shardmill.datasets.text",
    "TitanicDataset": "shardmill.datasets.tabular",
    "TrainedOn": "shardmill.serve.model_folder",
    "Vocab": "shardmill.text.vocab",
    "concat": "shardmill.datasets.joined",
    "load_model": "shardmill.training.saved.load_model",
    "mix": "shardmill.datasets.joined",
    "open": "shardmill.datasets.open_artifact",
    "read_model": "shardmill.serve.model_folder",
    "write_model": "shardmill.serve.model_folder",
}

__all__ = [
    "AGNewsDataset",
    "Bag",
    "DivergedError",
    "ImageDataset",
    "MNISTDataset",
    "Manifest",
    "MissingLibraryError",
    "ModelError",
    "ModelFacts",
    "OutputError",
    "Padded",
    "Preprocessor",
    "RankError",
    "ResumeError",
    "SettingsError",
    "ShardDataset",
    "ShardmillError",
    "TabularDataset",
    "TextDataset",
    "TitanicDataset",
    "TrainedOn",
    "Vocab",
    "__version__",
    "concat",
    "load_model",
    "mix",
    "open",
    "read_model",
    "write_model",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'shardmill' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
