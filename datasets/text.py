"""Texts as the numbers of their tokens."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Unpack, overload

from typing_extensions import TypeVar

from shardmill.datasets.dataset import ShardDataset
from shardmill.datasets.item_types import Layout, TextOptions, Transform
from shardmill.datasets.texts_of_split import (
    check_text_options,
    text_inputs,
    vocabulary_of,
    vocabulary_term,
)
from shardmill.format.manifest import Manifest, VocabularyRecord
from shardmill.text.load_vocab import load_vocab
from shardmill.text.vocab import Vocab

if TYPE_CHECKING:
    from torch import Tensor

    from shardmill.datasets.gather.split_reader import Inputs
    from shardmill.format.batch import Bag, Padded

TextBatch = TypeVar("TextBatch", default="tuple[Padded, Tensor]")
TextRow = TypeVar("TextRow", default="tuple[Tensor, Tensor]")


class TextDataset(ShardDataset[TextRow, TextBatch], Generic[TextBatch, TextRow]):
    """Texts: `x` the ids [length] int32 of the tokens, `y` the class index.

    Without a target, rows are `x` alone. If a row has several texts, `x` is a dict of them by
    group. A type checker knows the type of a batch from `layout`. `TextDataset[Padded, Tensor]`
    says that there is no target, and `TextDataset[tuple[dict[str, Padded], Tensor]]` that there are
    several texts.

    Args:
        path: The folder of the artifact, or its URL.
        split: The name of one of its splits.
        layout: How the `x` of a batch is put together. "padded" gives a `Padded`: ids [b, longest]
            and lengths [b]. "bag" gives a `Bag`: ids [sum of lengths] and offsets [b]. "jagged"
            gives a nested tensor [b, j] of layout torch.jagged.
        max_tokens: How many tokens of a text are kept; None for all.
        transform: A function of `x` as it would be returned: of a row, or of a whole batch.
        target_transform: The same for `y`.
        per_row: Whether to apply the transforms to each row of a batch, and stack what they return.
        names: The names of fields in rows and batches, which are dicts then:
            `{"x": "input_ids", "y": "labels"}`. Ids of layout "padded" are int64 then, with a mask
            beside them, 1 for tokens and 0 for padding. It is the field `x.mask`, and is called
            `attention_mask` unless `names` says otherwise. A "bag" has `x.offsets`, as `offsets`.
        manifest: The manifest of the artifact, if it was read before.
        cache: For a URL, the folder into which files are brought; None for the user's own.
        cache_bytes: How many bytes that folder may hold; None for any number.

    Raises:
        MissingArtifactError: There is no such artifact.
        UnknownSplitError: The artifact has no such split.
        KindError: The artifact is of another kind.
        ValueError: There is no such layout, or `max_tokens` is below 1.

    Example:
        >>> ds = shardmill.TextDataset("artifacts/ag_news", max_tokens=16)
        >>> x, y = ds[:64]
        >>> x.ids.shape, x.lengths.shape, y.shape
        (torch.Size([64, 16]), torch.Size([64]), torch.Size([64]))
        >>> row, label = ds[0]
        >>> words = ds.vocab.lookup_tokens(row)
    """

    kind = "text"

    @overload
    def __init__(
        self: "TextDataset[dict[str, Tensor], dict[str, Tensor]]",
        path: str | os.PathLike[str],
        split: str = ...,
        *,
        names: Mapping[str, str],
        layout: Layout = ...,
        **options: Unpack[TextOptions],
    ) -> None: ...

    @overload
    def __init__(
        self: "TextDataset[tuple[Padded, Tensor]]",
        path: str | os.PathLike[str],
        split: str = ...,
        *,
        layout: Literal["padded"] = ...,
        **options: Unpack[TextOptions],
    ) -> None: ...

    @overload
    def __init__(
        self: "TextDataset[tuple[Bag, Tensor]]",
        path: str | os.PathLike[str],
        split: str = ...,
        *,
        layout: Literal["bag"],
        **options: Unpack[TextOptions],
    ) -> None: ...

    @overload
    def __init__(
        self: "TextDataset[tuple[Tensor, Tensor]]",
        path: str | os.PathLike[str],
        split: str = ...,
        *,
        layout: Literal["jagged"],
        **options: Unpack[TextOptions],
    ) -> None: ...

    @overload
    def __init__(
        self,
        path: str | os.PathLike[str],
        split: str = ...,
        *,
        names: Mapping[str, str] | None = ...,
        layout: Layout = ...,
        **options: Unpack[TextOptions],
    ) -> None: ...

    def __init__(
        self,
        path: str | os.PathLike[str],
        split: str = "train",
        *,
        layout: Layout = "padded",
        max_tokens: int | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        per_row: bool = False,
        names: Mapping[str, str] | None = None,
        manifest: Manifest | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        check_text_options(layout, max_tokens)
        self._layout: Layout = layout
        super().__init__(
            path,
            split,
            transform=transform,
            target_transform=target_transform,
            per_row=per_row,
            names=names,
            manifest=manifest,
            cache=cache,
            cache_bytes=cache_bytes,
        )
        self._max_tokens = max_tokens

    def _text_layout(self) -> Layout:
        return self._layout

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the texts of a row, if it has several; else none."""
        return tuple(field.group for field in self.fields if not field.is_target and field.group)

    @property
    def _vocabulary(self) -> VocabularyRecord:
        return vocabulary_of(self.manifest)

    @cached_property
    def vocab(self) -> Vocab:
        """The vocabulary: the ids of the tokens. An unknown token gets its default index."""
        self._brought(self._vocabulary.files())
        return load_vocab(self.path, self._vocabulary)

    @property
    def tokenizer_folder(self) -> Path:
        """The folder of tokenizer.json, for `transformers.AutoTokenizer.from_pretrained`.

        The tokenizer gives raw texts the ids of the shards, except for the step `html` of
        `text.clean`. A tokenizer of the recipe's own does not state the steps, so it wants cleaned
        texts, and `add_special_tokens=False` unless the recipe adds these tokens.
        """
        self._brought(self._vocabulary.files())
        return (self.path / self._vocabulary.tokenizer.path).parent

    def _terms(self) -> Mapping[str, Any]:
        vocabulary = vocabulary_term(self._vocabulary)
        return {**super()._terms(), "vocabulary": vocabulary, "layout": self._layout}

    def _inputs(self) -> "Inputs":
        from shardmill.datasets.gather.grouped_inputs import GroupedInputs

        texts = text_inputs(
            self._mapped,
            layout=self._layout,
            max_tokens=self._max_tokens,
            padding_id=self._vocabulary.padding_id,
        )
        groups = {group: inputs for group, inputs in texts.items() if group is not None}
        return GroupedInputs(groups) if groups else texts[None]


class AGNewsDataset(TextDataset[TextBatch, TextRow]):
    """The artifact of the recipe `ag_news`; see `TextDataset`."""

    @overload
    def __init__(
        self: "AGNewsDataset[dict[str, Tensor], dict[str, Tensor]]",
        path: str | os.PathLike[str] = ...,
        split: str = ...,
        *,
        names: Mapping[str, str],
        layout: Layout = ...,
        **options: Unpack[TextOptions],
    ) -> None: ...

    @overload
    def __init__(
        self: "AGNewsDataset[tuple[Padded, Tensor]]",
        path: str | os.PathLike[str] = ...,
        split: str = ...,
        *,
        layout: Literal["padded"] = ...,
        **options: Unpack[TextOptions],
    ) -> None: ...

    @overload
    def __init__(
        self: "AGNewsDataset[tuple[Bag, Tensor]]",
        path: str | os.PathLike[str] = ...,
        split: str = ...,
        *,
        layout: Literal["bag"],
        **options: Unpack[TextOptions],
    ) -> None: ...

    @overload
    def __init__(
        self: "AGNewsDataset[tuple[Tensor, Tensor]]",
        path: str | os.PathLike[str] = ...,
        split: str = ...,
        *,
        layout: Literal["jagged"],
        **options: Unpack[TextOptions],
    ) -> None: ...

    @overload
    def __init__(
        self,
        path: str | os.PathLike[str] = ...,
        split: str = ...,
        *,
        names: Mapping[str, str] | None = ...,
        layout: Layout = ...,
        **options: Unpack[TextOptions],
    ) -> None: ...

    def __init__(
        self,
        path: str | os.PathLike[str] = "artifacts/ag_news",
        split: str = "train",
        *,
        layout: Layout = "padded",
        max_tokens: int | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        per_row: bool = False,
        names: Mapping[str, str] | None = None,
        manifest: Manifest | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        super().__init__(
            path,
            split,
            layout=layout,
            max_tokens=max_tokens,
            transform=transform,
            target_transform=target_transform,
            per_row=per_row,
            names=names,
            manifest=manifest,
            cache=cache,
            cache_bytes=cache_bytes,
        )
