"""What training asks of each kind of dataset."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import nn

from shardmill.datasets.dataset import ShardDataset
from shardmill.format.manifest import Manifest
from shardmill.serve.preprocessor import Preprocessor
from shardmill.text.vocab import Vocab
from shardmill.training.settings.model_options import ModelOptions


class Modality(Protocol):
    """The answers of one kind of dataset. Each module of this folder keeps to it.

    Which architectures a kind has is said in `settings.model_options`, which needs no torch.

    Attributes:
        PICTURES: Whether rows are shown as pictures; otherwise they are shown as a table.
    """

    PICTURES: bool

    def open_options(self, manifest: Manifest) -> dict[str, Any]:
        """Return the options of `shardmill.open` that give batches as the networks take them."""
        ...

    def backbone_options(
        self, dataset: ShardDataset, model: ModelOptions, *, shape: Sequence[int] | None
    ) -> dict[str, Any]:
        """Return the options of a backbone that come from the data, fit for JSON.

        Args:
            dataset: The train split.
            model: The chosen architecture.
            shape: The shape that images are brought to; None for the shape of the rows.

        Raises:
            UntrainableError: The architecture does not take rows of this shape.
        """
        ...

    def prime_backbone(self, backbone: nn.Module, dataset: ShardDataset) -> None:
        """Give a fresh backbone the tensors that it knows of the data before any training."""
        ...

    def vocabulary(self, dataset: ShardDataset) -> Vocab | None:
        """Return the vocabulary of the tokens in `x`; None if `x` has no tokens."""
        ...

    def other_inputs(self, ours: Preprocessor, theirs: Preprocessor) -> tuple[str, str] | None:
        """Return the first fact in which inputs differ such that weights cannot be carried over.

        Returns:
            The fact as each of the two has it, in words; None if weights can be carried over.
        """
        ...

    def example_inputs(self, preprocessor: Preprocessor, rows: int, draw: torch.Generator) -> Any:
        """Return the `x` of so many rows, drawn at random, as a dataset would give it."""
        ...

    def exportable(self, module: nn.Module) -> nn.Module:
        """Return a module that takes the tensors of `x` one by one, as torch.export wants it."""
        ...

    def dynamic_shapes(self, x: Any) -> tuple[Any, ...]:
        """Return what torch.export must know of the sizes of each argument that vary."""
        ...
