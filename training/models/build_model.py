"""Makes the baseline for a dataset."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from shardmill import (
    ImageDataset,
    ShardDataset,
    ShardmillError,
    TabularDataset,
    TextDataset,
)
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.text_bag import TextBag
from shardmill.training.settings.model_options import OF_KIND, ImageCnnOptions, ModelOptions

# Parts of times that come again, with their first and last number.
_PARTS: Mapping[str, list[int]] = {"month": [1, 12], "weekday": [0, 6], "hour": [0, 23]}


def build_model(
    dataset: ShardDataset,
    model: ModelOptions | None = None,
    *,
    shape: Sequence[int] | None = None,
) -> Baseline:
    """Return the baseline for the train split of an artifact, with fresh weights.

    Args:
        dataset: the train split.
        model: an architecture of its kind, and what was chosen of it; else the kind's first.
        shape: [c, h, w] of images that it works at; that of the rows unless given.

    Raises:
        ShardmillError: there is no target, or the baseline does not take rows of this shape.
    """
    model = model or OF_KIND[dataset.kind][0]()
    if dataset.classes is None:
        found = ", ".join(f.name for f in dataset.fields if f.is_target) or "none"
        raise _cannot_train(dataset, "one target of classes to learn", found)
    if len(dataset.classes) < 2:
        raise _cannot_train(dataset, "two classes or more", ", ".join(dataset.classes))
    if isinstance(dataset, TabularDataset):
        options = _of_tables(dataset)
    elif isinstance(dataset, ImageDataset):
        options = _of_images(dataset, model, shape or dataset.fields[0].shape)
    else:
        assert isinstance(dataset, TextDataset)  # noqa: S101  the only kind left
        options = {"tokens": len(dataset.vocab)}
    options |= model.of_backbone()
    baseline = Baseline(model.architecture, options, len(dataset.classes))
    if isinstance(dataset, TextDataset) and isinstance(baseline.backbone, TextBag):
        hashes = [zlib.crc32(token.encode()) for token in dataset.vocab.get_itos()]
        baseline.backbone.token_hashes.copy_(torch.tensor(hashes))
    return baseline


def _of_tables(dataset: TabularDataset) -> dict[str, Any]:
    facts = [dataset.statistics[name] for name in dataset.features]
    ends = dict(_ends_of_codes(dataset))
    return {
        "mean": [fact.mean or 0.0 for fact in facts],
        "std": [fact.std or 0.0 for fact in facts],
        "codes": [[n, *ends[name]] for n, name in enumerate(dataset.features) if name in ends],
        "groups": list(dataset.groups),
    }


def _ends_of_codes(dataset: TabularDataset) -> Iterator[tuple[str, list[int]]]:
    """Yield the features whose numbers mean nothing but themselves, with the first and the last.

    Those are the numbers of texts, if none between them is left out, and parts of times that come
    again. Other whole numbers are numbers: as embeddings they did worse on held-out rows.
    """
    for name, numbers in dataset.categories.items():
        codes = sorted(numbers.values())
        if codes == list(range(codes[0], codes[0] + len(codes))):
            yield name, [codes[0], codes[-1]]
    for column in dataset.manifest.recipe["columns"]:
        for part in column.get("parts", ()):
            if part in _PARTS:
                yield f"{column['name']}.{part}", _PARTS[part]


def _of_images(dataset: ImageDataset, model: ModelOptions, shape: Sequence[int]) -> dict[str, Any]:
    least = 1 << model.depth if isinstance(model, ImageCnnOptions) else 8
    if len(shape) != 3 or min(shape[1:]) < least:
        expected = f"images [c, h, w] of at least {least} x {least} pixels"
        raise _cannot_train(dataset, expected, str(list(shape)))
    fact = dataset.statistics["image"]
    return {"shape": list(shape), "mean": fact.mean or 0.0, "std": fact.std or 0.0}


def _cannot_train(dataset: ShardDataset, expected: str, found: str) -> ShardmillError:
    fix = "train a model of your own on shardmill.open(...).loader(...)"
    return ShardmillError(dataset.path, expected=expected, found=found, fix=fix)
