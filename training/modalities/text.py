"""Texts in training."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.text import TextDataset
from shardmill.format.batch import Bag
from shardmill.format.manifest import Manifest
from shardmill.serve.preprocessor import Preprocessor
from shardmill.text.vocab import Vocab
from shardmill.training.modalities.named_tensors import (
    OfNamedTensors,
    example_bags,
    named_shapes,
    with_another,
)
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.text_bag import TextBag
from shardmill.training.settings.model_options import ModelOptions

PICTURES = False


def open_options(manifest: Manifest) -> dict[str, Any]:  # noqa: ARG001
    """Return that texts are bags."""
    return {"layout": "bag"}


def backbone_options(
    dataset: ShardDataset,
    model: ModelOptions,  # noqa: ARG001
    *,
    shape: Sequence[int] | None,  # noqa: ARG001
) -> dict[str, Any]:
    """Return how many tokens the vocabulary has, and the names of texts if there are several."""
    assert isinstance(dataset, TextDataset)  # noqa: S101  its kind says so
    groups = {"groups": list(dataset.groups)} if dataset.groups else {}
    return {"tokens": len(dataset.vocab), **groups}


def prime_backbone(backbone: nn.Module, dataset: ShardDataset) -> None:
    """Give a bag of n-grams the hash of each token."""
    if isinstance(backbone, TextBag):
        backbone.hash_tokens(vocabulary(dataset).get_itos())


def vocabulary(dataset: ShardDataset) -> Vocab:
    """Return the vocabulary of the dataset."""
    assert isinstance(dataset, TextDataset)  # noqa: S101  its kind says so
    return dataset.vocab


def other_inputs(ours: Preprocessor, theirs: Preprocessor) -> tuple[str, str] | None:
    """Return how many texts a row has, if the two differ in this.

    The embeddings of tokens that both know are carried over one by one.
    """
    here, there = (len(each.fitted.inputs) for each in (ours, theirs))
    return None if here == there else (f"{here} texts in a row", f"{there} texts in a row")


def example_inputs(preprocessor: Preprocessor, rows: int, draw: torch.Generator) -> Any:
    """Return a `Bag` of texts of 0 to 40 tokens, of which one at least is empty.

    If a row has several texts, it is a dict of such bags by group.
    """
    bags = example_bags(preprocessor, rows, draw)
    return bags.get(None, bags)


class _OfTensors(nn.Module):
    """A model of texts that takes the tensors of a `Bag` one by one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, offsets: Tensor) -> Tensor:
        """Return logits [b, classes], or numbers [b]."""
        output: Tensor = self.model(with_another(ids, offsets))
        return output[:-1]


def exportable(module: nn.Module) -> nn.Module:
    """Return a module that takes ids [n] and offsets [b], or a dict of these for several texts."""
    groups = module.options.get("groups") if isinstance(module, Baseline) else None
    return OfNamedTensors(module, groups) if groups else _OfTensors(module)


def dynamic_shapes(x: Any) -> tuple[Any, ...]:
    """Return that the numbers of ids and of rows vary."""
    if isinstance(x, Bag):
        return ({0: Dim("n")}, {0: Dim("b")})
    return named_shapes(x)
