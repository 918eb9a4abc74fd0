"""Makes the baseline for a dataset."""

from typing import Any

from shardmill import (
    ImageDataset,
    ShardDataset,
    ShardmillError,
    TabularDataset,
    TextDataset,
)
from shardmill.training.baseline import Baseline
from shardmill.training.model_options import OF_KIND, ImageCnnOptions, ModelOptions


def build_model(dataset: ShardDataset, model: ModelOptions | None = None) -> Baseline:
    """Return the baseline for the train split of an artifact, with fresh weights.

    Args:
        dataset: the train split.
        model: an architecture of its kind, and what was chosen of it; else the kind's first.

    Raises:
        ShardmillError: there is no target, or the baseline does not take rows of this shape.
    """
    model = model or OF_KIND[dataset.kind][0]()
    if dataset.classes is None:
        found = ", ".join(f.name for f in dataset.fields if f.name.startswith("y")) or "none"
        raise _cannot_train(dataset, "one target of classes to learn", found)
    if dataset.fields[0].name != "x":
        groups = ", ".join(f.name for f in dataset.fields if f.name.startswith("x."))
        raise _cannot_train(dataset, "all features in one tensor x", groups)
    if isinstance(dataset, TabularDataset):
        facts = [dataset.statistics[name] for name in dataset.features]
        mean = [fact.mean or 0.0 for fact in facts]
        std = [fact.std or 0.0 for fact in facts]
        options: dict[str, Any] = {"mean": mean, "std": std}
    elif isinstance(dataset, ImageDataset):
        options = _of_images(dataset, model)
    else:
        assert isinstance(dataset, TextDataset)  # noqa: S101  the only kind left
        options = {"tokens": len(dataset.vocab)}
    options |= model.of_backbone()
    return Baseline(model.architecture, options, len(dataset.classes))


def _of_images(dataset: ImageDataset, model: ModelOptions) -> dict[str, Any]:
    shape = dataset.fields[0].shape
    least = 1 << model.depth if isinstance(model, ImageCnnOptions) else 8
    if len(shape) != 3 or min(shape[1:]) < least:
        expected = f"images [c, h, w] of at least {least} x {least} pixels"
        raise _cannot_train(dataset, expected, str(list(shape)))
    fact = dataset.statistics["image"]
    return {"shape": list(shape), "mean": fact.mean or 0.0, "std": fact.std or 0.0}


def _cannot_train(dataset: ShardDataset, expected: str, found: str) -> ShardmillError:
    fix = "train a model of your own on shardmill.open(...).loader(...)"
    return ShardmillError(dataset.path, expected=expected, found=found, fix=fix)
