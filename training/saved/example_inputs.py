"""Inputs that a model could be given, drawn at random: to try it without any data."""

from typing import Any

import torch
from torch import Tensor

from shardmill import Bag
from shardmill.training.saved.load_model import Model

_LONGEST = 40  # tokens of a text
_SEED = 0


def example_inputs(model: Model, rows: int) -> Any:
    """Return `x` of so many rows as a dataset would give it; the same ones each time.

    Texts are a `Bag` of 0 to 40 tokens each, some of them empty; categories are numbers that the
    recipe gives; other numbers have the mean and the deviation that they have in the train split.
    """
    draw = torch.Generator().manual_seed(_SEED + rows)
    inputs = model.preprocessor.fitted.inputs
    if model.facts.kind == "text":
        return _texts(model, rows, draw)
    if model.facts.kind == "image":
        return _pixels((rows, *inputs[0].shape), getattr(torch, inputs[0].dtype), draw)
    names = iter(model.preprocessor.fitted.features)
    tensors = {}
    for field in inputs:
        columns = [_column(model, next(names), rows, draw) for _ in range(field.shape[0])]
        group = field.name.removeprefix("x.")
        tensors[group] = torch.stack(columns, 1).to(getattr(torch, field.dtype))
    return tensors if inputs[0].name != "x" else tensors["x"]


def _texts(model: Model, rows: int, draw: torch.Generator) -> Bag:
    (field,) = model.preprocessor.fitted.inputs
    vocab = model.preprocessor.fitted.vocab
    tokens = 1 if vocab is None else len(vocab)
    lengths = torch.randint(_LONGEST + 1, (rows,), generator=draw)
    lengths[rows // 2] = 0
    ids = torch.randint(tokens, (int(lengths.sum()),), generator=draw)
    return Bag(ids.to(getattr(torch, field.dtype)), torch.cumsum(lengths, 0) - lengths)


def _pixels(shape: tuple[int, ...], dtype: torch.dtype, draw: torch.Generator) -> Tensor:
    if dtype.is_floating_point:
        return torch.rand(shape, generator=draw).to(dtype)
    highest = min(torch.iinfo(dtype).max, 255)
    return torch.randint(highest + 1, shape, generator=draw).to(dtype)


def _column(model: Model, name: str, rows: int, draw: torch.Generator) -> Tensor:
    """Return the values [rows] float64 of a feature."""
    facts = model.preprocessor.fitted.statistics.get(name)
    columns: Any = model.preprocessor.recipe.columns  # type: ignore[union-attr]
    spelt = columns[name].map if name in columns else None  # a part of a column is none itself
    if facts is not None and facts.categories:
        numbers = list(range(len(facts.categories)))
    else:
        numbers = sorted(spelt.values()) if spelt else []
    if numbers:
        return torch.tensor(numbers, dtype=torch.float64)[
            torch.randint(len(numbers), (rows,), generator=draw)
        ]
    values = torch.randn(rows, generator=draw, dtype=torch.float64)
    if facts is None:
        return values
    return values * (facts.std or 1.0) + (facts.mean or 0.0)
