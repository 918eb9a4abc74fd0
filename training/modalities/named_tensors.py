"""Models whose input is a dict, as torch.export wants them, and texts for them drawn at random."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from shardmill.format.batch import Bag
from shardmill.serve.preprocessor import Preprocessor
from shardmill.training.models.input_tensors import input_tensors

_LONGEST = 40  # tokens of an example text


class OfNamedTensors(nn.Module):
    """A model of rows with texts that takes the tensors of each `Bag` by name.

    Args:
        model: The model.
        texts: The names of the texts in `x`. Everything else in it is a tensor.
    """

    def __init__(self, model: nn.Module, texts: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.texts = texts

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Return logits [b, classes], or numbers [b]."""
        bags = {t: with_another(x[f"{t}.ids"], x[f"{t}.offsets"]) for t in self.texts}
        of_bags = {f"{text}.{part}" for text in self.texts for part in Bag._fields}
        # The row that `with_another` adds has zeros for the rest.
        rest = {
            name: torch.cat([tensor, tensor.new_zeros(1, *tensor.shape[1:])])
            for name, tensor in x.items()
            if name not in of_bags
        }
        output: Tensor = self.model({**rest, **bags})
        return output[:-1]


def with_another(ids: Tensor, offsets: Tensor) -> Bag:
    """Return texts with one more of a single id, so that no operation meets a batch without ids."""
    more = offsets.new_full((1,), ids.shape[0])
    return Bag(torch.cat([ids, ids.new_zeros(1)]), torch.cat([offsets, more]))


def named_shapes(x: Any) -> tuple[Any, ...]:
    """Return for `OfNamedTensors` that the numbers of ids and of rows vary."""
    rows, texts = {0: Dim("b")}, [name for name, part in x.items() if isinstance(part, Bag)]
    ids = {f"{text}.ids": {0: Dim(f"n{number}")} for number, text in enumerate(texts)}
    return ({name: ids.get(name, rows) for name in input_tensors(x)},)


def example_bags(
    preprocessor: Preprocessor, rows: int, draw: torch.Generator
) -> dict[str | None, Bag]:
    """Return texts of 0 to 40 tokens by group, of which one at least is empty."""
    vocab = preprocessor.fitted.vocab
    tokens = 1 if vocab is None else len(vocab)
    fields = [field for field in preprocessor.fitted.inputs if field.ragged]
    return {field.group: _bag(field.dtype, tokens, rows, draw) for field in fields}


def _bag(dtype: str, tokens: int, rows: int, draw: torch.Generator) -> Bag:
    lengths = torch.randint(_LONGEST + 1, (rows,), generator=draw)
    lengths[rows // 2] = 0
    ids = torch.randint(tokens, (int(lengths.sum()),), generator=draw)
    return Bag(ids.to(getattr(torch, dtype)), torch.cumsum(lengths, 0) - lengths)
