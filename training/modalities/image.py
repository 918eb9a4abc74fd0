"""Images in training."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from shardmill.datasets.dataset import ShardDataset
from shardmill.format.manifest import Manifest
from shardmill.serve.preprocessor import Preprocessor
from shardmill.training.models.untrainable import untrainable
from shardmill.training.settings.model_options import ImageCnnOptions, ModelOptions

PICTURES = True


def open_options(manifest: Manifest) -> dict[str, Any]:  # noqa: ARG001
    """Return no option."""
    return {}


def backbone_options(
    dataset: ShardDataset, model: ModelOptions, *, shape: Sequence[int] | None
) -> dict[str, Any]:
    """Return the shape that images are brought to, and the mean and deviation of all pixels.

    Raises:
        UntrainableError: The images are too small for the architecture, or have no channels.
    """
    shape = shape or dataset.fields[0].shape
    least = 1 << model.depth if isinstance(model, ImageCnnOptions) else 8
    if len(shape) != 3 or min(shape[1:]) < least:
        expected = f"images [c, h, w] of at least {least} x {least} pixels"
        raise untrainable(dataset, expected, str(list(shape)))
    fact = dataset.statistics["image"]
    return {"shape": list(shape), "mean": fact.mean or 0.0, "std": fact.std or 0.0}


def prime_backbone(backbone: nn.Module, dataset: ShardDataset) -> None:
    """Do nothing: all that the backbone knows of images is in its options."""


def vocabulary(dataset: ShardDataset) -> None:  # noqa: ARG001
    """Return None: images have no tokens."""
    return


def other_inputs(ours: Preprocessor, theirs: Preprocessor) -> None:  # noqa: ARG001
    """Return None: images of any size and channels are brought to the shape of the network."""
    return


def example_inputs(preprocessor: Preprocessor, rows: int, draw: torch.Generator) -> Tensor:
    """Return a tensor [rows, *shape] of random pixels in the dtype of the images."""
    (field,) = preprocessor.fitted.inputs
    shape, dtype = (rows, *field.shape), getattr(torch, field.dtype)
    if dtype.is_floating_point:
        return torch.rand(shape, generator=draw).to(dtype)
    highest = min(torch.iinfo(dtype).max, 255)
    return torch.randint(highest + 1, shape, generator=draw).to(dtype)


def exportable(module: nn.Module) -> nn.Module:
    """Return the module, which takes one tensor."""
    return module


def dynamic_shapes(x: Any) -> tuple[Any, ...]:  # noqa: ARG001
    """Return that the number of rows varies."""
    return ({0: Dim("b")},)
