"""The refusal of an artifact that the baselines cannot be trained on."""

from shardmill.datasets.dataset import ShardDataset
from shardmill.errors import UntrainableError


def untrainable(dataset: ShardDataset, expected: str, found: str) -> UntrainableError:
    """Return the error that says what a baseline needs of a dataset."""
    fix = "train a model of your own on shardmill.open(...).loader(...)"
    return UntrainableError(dataset.where, expected=expected, found=found, fix=fix)
