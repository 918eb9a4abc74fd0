"""A baseline: a backbone turns a batch into features, and a head makes answers of them."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from shardmill.training.models.image_cnn import ImageCnn
from shardmill.training.models.image_resnet import ImageResnet
from shardmill.training.models.number_head import NumberHead
from shardmill.training.models.tabular_mlp import TabularMlp
from shardmill.training.models.text_bag import TextBag
from shardmill.training.models.text_transformer import TextTransformer

# The names in model.json. A model is made of these alone, never of code that a file names. Each
# backbone is made from options that are fit for JSON. It takes the `x` of a batch as datasets give
# it, texts as a `Bag`, and returns features [b, width].
BACKBONES: Mapping[str, Callable[..., nn.Module]] = {
    "tabular_mlp": TabularMlp,
    "image_cnn": ImageCnn,
    "image_resnet": ImageResnet,
    "text_bag": TextBag,
    "text_transformer": TextTransformer,
}


class Baseline(nn.Module):
    """A model that tells classes apart, or that tells a number.

    Args:
        architecture: The name of the backbone, one of `BACKBONES`.
        options: The options of the backbone.
        classes: How many classes there are; None for a number.
    """

    def __init__(self, architecture: str, options: Mapping[str, Any], classes: int | None) -> None:
        super().__init__()
        self.architecture = architecture
        self.options: dict[str, Any] = dict(options)
        self.backbone: nn.Module = BACKBONES[architecture](**options)
        width: Any = self.backbone.width
        self.head: nn.Linear = NumberHead(width) if classes is None else nn.Linear(width, classes)

    def forward(self, x: Any) -> Tensor:
        """Return logits [b, classes], or numbers [b] in the unit of the target."""
        output: Tensor = self.head(self.backbone(x))
        return output
