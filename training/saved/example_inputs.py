"""Inputs that a model could be given, drawn at random: to try it without any data."""

from typing import Any

import torch

from shardmill.training.modalities.find_modality import find_modality
from shardmill.training.saved.load_model import Model

_SEED = 0


def example_inputs(model: Model, rows: int) -> Any:
    """Return the `x` of so many rows as a dataset would give it, the same ones each time.

    Texts are a `Bag` of 0 to 40 tokens each, some of them empty. Categories have numbers that the
    recipe gives. Other numbers have the mean and the deviation that they have in the train split.
    """
    draw = torch.Generator().manual_seed(_SEED + rows)
    return find_modality(model.facts.kind).example_inputs(model.preprocessor, rows, draw)
