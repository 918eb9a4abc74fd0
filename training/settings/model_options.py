"""What a user may choose of each architecture; the rest of its options come from the data."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from shardmill.training.settings.settings_table import Count, Table

Share = Annotated[float, Field(ge=0, lt=1)]


class _Options(Table):
    def of_backbone(self) -> dict[str, Any]:
        """Return what the backbone's constructor takes of these, for JSON."""
        return self.model_dump(mode="json", exclude={"architecture"})


class TabularMlpOptions(_Options):
    """See `TabularMlp`.

    Attributes:
        width: of the first layer.
        depth: number of layers, each half as wide as the one before.
        embedding: the most numbers that stand for a category.
        dropout: after each layer.
    """

    architecture: Literal["tabular_mlp"] = "tabular_mlp"
    width: Count = 128
    depth: Count = 2
    embedding: Count = 8
    dropout: Share = 0.5


class ImageCnnOptions(_Options):
    """See `ImageCnn`.

    Attributes:
        width: channels of the first block; each of the next has twice as many.
        depth: number of blocks, each of which halves the image.
    """

    architecture: Literal["image_cnn"] = "image_cnn"
    width: Count = 16
    depth: Count = 3


class ImageResnetOptions(_Options):
    """See `ImageResnet`.

    Attributes:
        width: channels of the first of three stages; each of the next has twice as many.
        depth: blocks of a stage.
    """

    architecture: Literal["image_resnet"] = "image_resnet"
    width: Count = 16
    depth: Count = 1


class TextBagOptions(_Options):
    """See `TextBag`.

    Attributes:
        width: of an embedding.
        ngrams: the most words of an n-gram.
        buckets: rows of the table that all n-grams share.
        word_dropout: share of words and n-grams that are left out of a text, in training.
        dropout: of features.
    """

    architecture: Literal["text_bag"] = "text_bag"
    width: Count = 64
    ngrams: Count = 2
    buckets: Count = 65_536
    word_dropout: Share = 0.5
    dropout: Share = 0.3


class TextTransformerOptions(_Options):
    """See `TextTransformer`.

    Attributes:
        width: of an embedding, and of all layers; a multiple of `heads`.
        depth: number of layers.
        heads: of each layer.
        max_tokens: what a text has beyond them is not seen.
        word_dropout: share of tokens that are left out of a text, in training.
        dropout: in layers, and of embeddings.
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

# Of each kind, its baseline's first.
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
