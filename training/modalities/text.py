"""Texts in training."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.text import TextDataset
from shardmill.format.batch import Bag
from shardmill.serve.preprocessor import Preprocessor
from shardmill.text.vocab import Vocab
from shardmill.training.models.baseline import Baseline
from shardmill.training.models.text_bag import TextBag
from shardmill.training.settings.model_options import ModelOptions

OPEN_OPTIONS: Mapping[str, Any] = {"layout": "bag"}
PICTURES = False

_LONGEST = 40  # tokens of an example text


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
        hashes = [zlib.crc32(token.encode()) for token in vocabulary(dataset).get_itos()]
        backbone.token_hashes.copy_(torch.tensor(hashes))


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
    vocab = preprocessor.fitted.vocab
    tokens = 1 if vocab is None else len(vocab)
    bags = {f.group: _bag(f.dtype, tokens, rows, draw) for f in preprocessor.fitted.inputs}
    return bags.get(None, bags)


def _bag(dtype: str, tokens: int, rows: int, draw: torch.Generator) -> Bag:
    lengths = torch.randint(_LONGEST + 1, (rows,), generator=draw)
    lengths[rows // 2] = 0
    ids = torch.randint(tokens, (int(lengths.sum()),), generator=draw)
    return Bag(ids.to(getattr(torch, dtype)), torch.cumsum(lengths, 0) - lengths)


class _OfTensors(nn.Module):
    """A model of texts that takes the tensors of a `Bag` one by one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, offsets: Tensor) -> Tensor:
        """Return logits [b, classes]."""
        logits: Tensor = self.model(_with_another(ids, offsets))
        return logits[:-1]


class _OfNamedTensors(nn.Module):
    """A model of rows of several texts that takes the tensors of each `Bag` by name."""

    def __init__(self, model: nn.Module, groups: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.groups = groups

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Return logits [b, classes]."""
        bags = {g: _with_another(x[f"{g}.ids"], x[f"{g}.offsets"]) for g in self.groups}
        logits: Tensor = self.model(bags)
        return logits[:-1]


def _with_another(ids: Tensor, offsets: Tensor) -> Bag:
    # A text of one id is added and its logits are dropped, so that no operation meets a batch
    # without ids.
    more = offsets.new_full((1,), ids.shape[0])
    return Bag(torch.cat([ids, ids.new_zeros(1)]), torch.cat([offsets, more]))


def exportable(module: nn.Module) -> nn.Module:
    """Return a module that takes ids [n] and offsets [b], or a dict of these for several texts."""
    groups = module.options.get("groups") if isinstance(module, Baseline) else None
    return _OfNamedTensors(module, groups) if groups else _OfTensors(module)


def dynamic_shapes(x: Any) -> tuple[Any, ...]:
    """Return that the numbers of ids and of rows vary."""
    if isinstance(x, Bag):
        return ({0: Dim("n")}, {0: Dim("b")})
    rows = {0: Dim("b")}
    sizes: dict[str, Any] = {}
    for number, group in enumerate(x):
        sizes |= {f"{group}.ids": {0: Dim(f"n{number}")}, f"{group}.offsets": rows}
    return (sizes,)
