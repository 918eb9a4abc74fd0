"""Three baselines, one for each kind of dataset. They take batches as the datasets give them.

`options` of a module are the arguments that make another one like it, fit for JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from shardmill import (
    Bag,
    ImageDataset,
    ShardDataset,
    ShardmillError,
    TabularDataset,
    TextDataset,
)


class TabularMlp(nn.Module):
    """A multi-layer perceptron on standardised features; NaN counts as the mean.

    Args:
        mean, std: [f], of the train split.
        classes: how many.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float], classes: int) -> None:
        super().__init__()
        self.options: dict[str, Any] = {"mean": list(mean), "std": list(std), "classes": classes}
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        widths = torch.tensor(std, dtype=torch.float32)
        self.register_buffer("std", torch.where(widths > 0, widths, torch.ones_like(widths)))
        self.layers = nn.Sequential(
            nn.Linear(len(mean), 64),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(64, 32),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(32, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [b, classes] of `x` [b, f] float32."""
        standardised = torch.nan_to_num((x - self.mean) / self.std)
        logits: Tensor = self.layers(standardised)
        return logits


class ImageCnn(nn.Module):
    """A small convolutional network for images of any dtype.

    Args:
        shape: [c, h, w] of an image, at least 8 x 8.
        mean, std: of all pixels of the train split, in their own units.
        classes: how many.
    """

    def __init__(self, shape: Sequence[int], mean: float, std: float, classes: int) -> None:
        super().__init__()
        self.options: dict[str, Any] = {
            "shape": list(shape),
            "mean": mean,
            "std": std,
            "classes": classes,
        }
        self.mean = mean
        self.std = std or 1.0
        channels, height, width = shape
        blocks: list[nn.Module] = []
        for c_in, c_out in pairwise((channels, 16, 32, 64)):
            # Pooled before it is normalised, which is a quarter of the work.
            convolution = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
            blocks += [convolution, nn.MaxPool2d(2), nn.BatchNorm2d(c_out), nn.ReLU()]
            height, width = height // 2, width // 2
        head = nn.Linear(64 * height * width, classes)
        self.layers = nn.Sequential(*blocks, nn.Flatten(), head)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [b, classes] of `x` [b, c, h, w]."""
        standardised = (x.float() - self.mean) / self.std
        logits: Tensor = self.layers(standardised.contiguous(memory_format=torch.channels_last))
        return logits


class TextBag(nn.Module):
    """A bag of words and hashed bigrams, as fastText has it (Joulin et al. 2016).

    A text is the sum of its embeddings over the square root of their number.

    Args:
        tokens: size of the vocabulary.
        classes: how many.
        width: of an embedding.
        buckets: rows of the table that all bigrams share.
    """

    def __init__(
        self, tokens: int, classes: int, *, width: int = 64, buckets: int = 65_536
    ) -> None:
        super().__init__()
        self.options: dict[str, Any] = {
            "tokens": tokens,
            "classes": classes,
            "width": width,
            "buckets": buckets,
        }
        self.tokens = tokens
        self.buckets = buckets
        self.dropout = nn.Dropout(0.5)  # of words and bigrams, in training
        self.embedding = nn.EmbeddingBag(tokens + buckets, width, mode="sum")
        nn.init.normal_(self.embedding.weight, std=0.01)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(width, classes))

    def forward(self, x: Bag) -> Tensor:
        """Return logits [b, classes]."""
        ids, offsets = x.ids.long(), x.offsets
        lengths = torch.diff(offsets, append=offsets.new_tensor([len(ids)]))
        # Each word stands before the bigram that it begins: [n] -> [n, 2] -> [2 n].
        bigrams, begins = self._bigrams(ids, offsets)
        entries = torch.stack([ids, bigrams], dim=1).view(-1)
        weights = torch.stack([torch.ones_like(begins), begins], dim=1).view(-1)
        summed = self.embedding(entries, offsets * 2, per_sample_weights=self.dropout(weights))
        count = (2 * lengths - 1).clamp(min=1)
        logits: Tensor = self.head(summed / count.sqrt()[:, None])
        return logits

    def _bigrams(self, ids: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the table row of the bigram that begins at each word, and 1.0 where there is one.

        The last word of a text begins none.
        """
        following = torch.roll(ids, -1)
        begins = torch.ones(len(ids), device=ids.device)
        if len(ids):
            begins[offsets - 1] = 0.0  # the word before each text's first; -1 is the very last
        # Multiplicative hashing (Knuth, TAOCP 3, 6.4) of the pair.
        hashed = (ids * 0x9E3779B1 + following * 0x85EBCA6B) >> 7
        return self.tokens + hashed % self.buckets, begins


# Names in model.json. A model is made of these alone, never of code that a file names.
ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {
    "tabular_mlp": TabularMlp,
    "image_cnn": ImageCnn,
    "text_bag": TextBag,
}


def describe_module(module: nn.Module) -> tuple[str, dict[str, Any]]:
    """Return the name and the options of a baseline.

    Raises:
        TypeError: it is none.
    """
    name = next((n for n, made in ARCHITECTURES.items() if type(module) is made), None)
    if name is None or not isinstance(module, TabularMlp | ImageCnn | TextBag):
        raise TypeError(f"{type(module).__name__} is none of {', '.join(ARCHITECTURES)}")
    return name, dict(module.options)


def build_model(dataset: ShardDataset) -> nn.Module:
    """Return the baseline for the train split of an artifact, with fresh weights.

    Raises:
        ShardmillError: there is no target, or the baseline does not take rows of this shape.
    """
    shape = dataset.fields[0].shape
    if dataset.classes is None:
        found = ", ".join(f.name for f in dataset.fields if f.name.startswith("y")) or "none"
        raise _cannot_train(dataset, "one target of classes to learn", found)
    if dataset.fields[0].name != "x":
        groups = ", ".join(f.name for f in dataset.fields if f.name.startswith("x."))
        raise _cannot_train(dataset, "all features in one tensor x", groups)
    if isinstance(dataset, ImageDataset) and (len(shape) != 3 or min(shape[1:]) < 8):
        raise _cannot_train(dataset, "images [c, h, w] of at least 8 x 8 pixels", str(list(shape)))
    classes = len(dataset.classes)
    if isinstance(dataset, TabularDataset):
        facts = [dataset.statistics[name] for name in dataset.features]
        mean = [fact.mean or 0.0 for fact in facts]
        return TabularMlp(mean, [fact.std or 0.0 for fact in facts], classes)
    if isinstance(dataset, ImageDataset):
        fact = dataset.statistics["image"]
        return ImageCnn(shape, fact.mean or 0.0, fact.std or 0.0, classes)
    assert isinstance(dataset, TextDataset)  # noqa: S101  the only kind left
    return TextBag(len(dataset.vocab), classes)


def _cannot_train(dataset: ShardDataset, expected: str, found: str) -> ShardmillError:
    fix = "train a model of your own on shardmill.open(...).loader(...)"
    return ShardmillError(dataset.path, expected=expected, found=found, fix=fix)
