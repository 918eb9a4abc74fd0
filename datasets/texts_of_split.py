"""What datasets with texts have in common, whatever else is in their rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from shardmill.datasets.item_types import Layout
from shardmill.format.layout import Field
from shardmill.format.manifest import Manifest, VocabularyRecord

if TYPE_CHECKING:
    from shardmill.datasets.gather.mapped_split import MappedSplit
    from shardmill.datasets.gather.split_reader import Inputs


def check_text_options(layout: Layout, max_tokens: int | None) -> None:
    """Check the options of texts.

    Raises:
        ValueError: There is no such layout, or `max_tokens` is below 1.
    """
    if layout not in get_args(Layout):
        raise ValueError(f"layout is one of {', '.join(get_args(Layout))}, not {layout!r}")
    if max_tokens is not None and max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, not {max_tokens}")


def text_inputs(
    split: "MappedSplit", *, layout: Layout, max_tokens: int | None, padding_id: int
) -> "dict[str | None, Inputs]":
    """Return what gathers each text of a split, by its group."""
    from shardmill.datasets.gather.text_inputs import TextInputs

    return {
        field.group: TextInputs(
            split, field.name, layout=layout, max_tokens=max_tokens, padding_id=padding_id
        )
        for field in split.record.fields
        if field.ragged
    }


def vocabulary_of(manifest: Manifest) -> VocabularyRecord:
    """Return the record of the vocabulary.

    Raises:
        TypeError: There are no texts.
    """
    if manifest.vocabulary is None:
        raise TypeError(f"{manifest.name} has no texts, and so no vocabulary")
    return manifest.vocabulary


def vocabulary_term(record: VocabularyRecord) -> str:
    """Return what datasets must agree on to be joined, in words."""
    file = record.vocab or record.tokenizer
    tokens = f"of {record.tokens:,} tokens ({file.xxh3_128[:12]})"
    return f"{tokens}, unknown {record.unknown}, padding {record.padding}"


def find_text(fields: Sequence[Field], group: str | None, *, of: object) -> Field:
    """Return the field of a text of a split.

    Args:
        fields: The fields of the split.
        group: The name of the text, if a row has several.
        of: The dataset, for errors.

    Raises:
        TypeError: There are no texts.
        ValueError: There is no such text.
    """
    texts = {field.group: field for field in fields if field.ragged}
    if not texts:
        raise TypeError(f"{of} has no texts")
    if group not in texts:
        names = [str(name) for name in texts]
        expected = f"one of {', '.join(names)}" if texts.keys() != {None} else "None"
        raise ValueError(f"group is {expected}, not {group!r}")
    return texts[group]


def names_of_rows(field: Field) -> tuple[str, str]:
    """Return what `numpy` calls the offsets and the sizes of the rows of a ragged field."""
    prefix = "" if field.group is None else f"{field.name}."
    return f"{prefix}offsets", f"{prefix}sizes"
