"""Makes the baseline for a dataset."""

from shardmill import (
    ImageDataset,
    ShardDataset,
    ShardmillError,
    TabularDataset,
    TextDataset,
)
from shardmill.training.baseline import Baseline


def build_model(dataset: ShardDataset) -> Baseline:
    """Return the baseline for the train split of an artifact, with fresh weights.

    Raises:
        ShardmillError: there is no target, or the baseline does not take rows of this shape.
    """
    shape = dataset.fields[0].shape
    if dataset.classes is None:
        found = ", ".join(f.name for f in dataset.fields if f.name.startswith("y")) or "none"
        raise _cannot_train(dataset, "one target of classes to learn", found)
    if dataset.fields[0].name != "x":
        groups = ", ".join(f.name for f in dataset.fields if f.name.startswith("x."))
        raise _cannot_train(dataset, "all features in one tensor x", groups)
    if isinstance(dataset, ImageDataset) and (len(shape) != 3 or min(shape[1:]) < 8):
        raise _cannot_train(dataset, "images [c, h, w] of at least 8 x 8 pixels", str(list(shape)))
    classes = len(dataset.classes)
    if isinstance(dataset, TabularDataset):
        facts = [dataset.statistics[name] for name in dataset.features]
        mean = [fact.mean or 0.0 for fact in facts]
        std = [fact.std or 0.0 for fact in facts]
        return Baseline("tabular_mlp", {"mean": mean, "std": std}, classes)
    if isinstance(dataset, ImageDataset):
        fact = dataset.statistics["image"]
        options = {"shape": list(shape), "mean": fact.mean or 0.0, "std": fact.std or 0.0}
        return Baseline("image_cnn", options, classes)
    assert isinstance(dataset, TextDataset)  # noqa: S101  the only kind left
    return Baseline("text_bag", {"tokens": len(dataset.vocab)}, classes)


def _cannot_train(dataset: ShardDataset, expected: str, found: str) -> ShardmillError:
    fix = "train a model of your own on shardmill.open(...).loader(...)"
    return ShardmillError(dataset.path, expected=expected, found=found, fix=fix)
