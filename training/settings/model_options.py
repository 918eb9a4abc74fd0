"""The options of each architecture that a user may choose. The others come from the data."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from shardmill.training.settings.settings_table import Count, Table

# Each word takes memory for each of them.
MOST_NGRAMS = 100
Share = Annotated[float, Field(ge=0, lt=1)]


class _Options(Table):
    def of_backbone(self) -> dict[str, Any]:
        """Return the options for the constructor of the backbone, fit for JSON."""
        return self.model_dump(mode="json", exclude={"architecture"})


class TabularMlpOptions(_Options):
    """The options of `TabularMlp`.

    Attributes:
        width: How wide the first layer is.
        depth: How many layers there are. Each is half as wide as the one before.
        embedding: How many numbers stand for a category at most.
        dropout: The share of features that are dropped after each layer.
    """

    architecture: Literal["tabular_mlp"] = "tabular_mlp"
    width: Count = 128
    depth: Count = 2
    embedding: Count = 8
    dropout: Share = 0.5


class ImageCnnOptions(_Options):
    """The options of `ImageCnn`.

    Attributes:
        width: How many channels the first block has. Each further block has twice as many.
        depth: How many blocks there are. Each halves the image.
    """

    architecture: Literal["image_cnn"] = "image_cnn"
    width: Count = 16
    depth: Count = 3


class ImageResnetOptions(_Options):
    """The options of `ImageResnet`.

    Attributes:
        width: How many channels the first of three stages has. Each further stage has twice as
            many.
        depth: How many blocks a stage has.
    """

    architecture: Literal["image_resnet"] = "image_resnet"
    width: Count = 16
    depth: Count = 1


class TextBagOptions(_Options):
    """The options of `TextBag`.

    Attributes:
        width: How many numbers an embedding has.
        ngrams: How many words an n-gram has at most, up to 100.
        buckets: How many rows of the table all n-grams share.
        word_dropout: The share of words and n-grams that are left out of a text in training.
        dropout: The share of features that are dropped.
    """

    architecture: Literal["text_bag"] = "text_bag"
    width: Count = 64
    ngrams: Annotated[Count, Field(le=MOST_NGRAMS)] = 2
    buckets: Count = 65_536
    word_dropout: Share = 0.5
    dropout: Share = 0.3


class TextTransformerOptions(_Options):
    """The options of `TextTransformer`.

    Attributes:
        width: How wide embeddings and layers are. It is a multiple of `heads`.
        depth: How many layers there are.
        heads: How many attention heads a layer has.
        max_tokens: How many tokens of a text are seen.
        word_dropout: The share of tokens that are left out of a text in training.
        dropout: The share of numbers that are dropped in layers and embeddings.
    """

    architecture: Literal["text_transformer"] = "text_transformer"
    width: Count = 64
    depth: Count = 2
    heads: Count = 4
    max_tokens: Count = 128
    word_dropout: Share = 0.5
    dropout: Share = 0.1

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        return self


ModelOptions = (
    TabularMlpOptions
    | ImageCnnOptions
    | ImageResnetOptions
    | TextBagOptions
    | TextTransformerOptions
)
AnyModelOptions = Annotated[ModelOptions, Field(discriminator="architecture")]

# The architectures of each kind. The first is that of its baseline.
OF_KIND: Mapping[str, tuple[type[ModelOptions], ...]] = {
    "tabular": (TabularMlpOptions,),
    "image": (ImageCnnOptions, ImageResnetOptions),
    "text": (TextBagOptions, TextTransformerOptions),
}
BY_ARCHITECTURE: Mapping[str, type[ModelOptions]] = {
    options.model_fields["architecture"].default: options
    for of_kind in OF_KIND.values()
    for options in of_kind
}
ARCHITECTURES: Mapping[str, tuple[str, ...]] = {
    kind: tuple(options.model_fields["architecture"].default for options in of_kind)
    for kind, of_kind in OF_KIND.items()
}
