"""What a user may choose of each architecture; the rest of its options come from the data."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from shardmill.training.settings_table import Count, Table

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
    width: Count = 64
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


class TextBagOptions(_Options):
    """See `TextBag`.

    Attributes:
        width: of an embedding.
        buckets: rows of the table that all n-grams share.
        word_dropout: share of words and n-grams that are left out of a text, in training.
        dropout: of features.
    """

    architecture: Literal["text_bag"] = "text_bag"
    width: Count = 64
    buckets: Count = 65_536
    word_dropout: Share = 0.5
    dropout: Share = 0.3


ModelOptions = TabularMlpOptions | ImageCnnOptions | TextBagOptions
AnyModelOptions = Annotated[ModelOptions, Field(discriminator="architecture")]

# Of each kind, its baseline's first.
OF_KIND: Mapping[str, tuple[type[ModelOptions], ...]] = {
    "tabular": (TabularMlpOptions,),
    "image": (ImageCnnOptions,),
    "text": (TextBagOptions,),
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
