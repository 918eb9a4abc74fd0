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
    """Return how many tokens the vocabulary has."""
    return {"tokens": len(vocabulary(dataset))}


def prime_backbone(backbone: nn.Module, dataset: ShardDataset) -> None:
    """Give a bag of n-grams the hash of each token."""
    if isinstance(backbone, TextBag):
        hashes = [zlib.crc32(token.encode()) for token in vocabulary(dataset).get_itos()]
        backbone.token_hashes.copy_(torch.tensor(hashes))


def vocabulary(dataset: ShardDataset) -> Vocab:
    """Return the vocabulary of the dataset."""
    assert isinstance(dataset, TextDataset)  # noqa: S101  its kind says so
    return dataset.vocab


def other_inputs(ours: Preprocessor, theirs: Preprocessor) -> None:  # noqa: ARG001
    """Return None: the embeddings of tokens that both know are carried over one by one."""
    return


def example_inputs(preprocessor: Preprocessor, rows: int, draw: torch.Generator) -> Bag:
    """Return a `Bag` of texts of 0 to 40 tokens, of which one at least is empty."""
    (field,) = preprocessor.fitted.inputs
    vocab = preprocessor.fitted.vocab
    tokens = 1 if vocab is None else len(vocab)
    lengths = torch.randint(_LONGEST + 1, (rows,), generator=draw)
    lengths[rows // 2] = 0
    ids = torch.randint(tokens, (int(lengths.sum()),), generator=draw)
    return Bag(ids.to(getattr(torch, field.dtype)), torch.cumsum(lengths, 0) - lengths)


class _OfTensors(nn.Module):
    """A model of texts that takes the tensors of a `Bag` one by one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, offsets: Tensor) -> Tensor:
        """Return logits [b, classes]."""
        # A text of one id is added and its logits are dropped, so that no operation meets a batch
        # without ids.
        more = Bag(
            torch.cat([ids, ids.new_zeros(1)]),
            torch.cat([offsets, offsets.new_full((1,), ids.shape[0])]),
        )
        logits: Tensor = self.model(more)
        return logits[:-1]


def exportable(module: nn.Module) -> nn.Module:
    """Return a module that takes ids [n] and offsets [b]."""
    return _OfTensors(module)


def dynamic_shapes(x: Any) -> tuple[Any, ...]:  # noqa: ARG001
    """Return that the numbers of ids and of rows vary."""
    return ({0: Dim("n")}, {0: Dim("b")})
