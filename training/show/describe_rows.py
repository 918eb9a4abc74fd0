"""Describes rows of texts and tables in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shardmill.datasets.dataset import ShardDataset
from shardmill.format.batch import Bag
from shardmill.text.vocab import Vocab
from shardmill.training.modalities.find_modality import find_modality

_COLUMNS = 12
_CHARACTERS = 100  # a wider cell would squeeze the cells beside it


@dataclass(frozen=True, slots=True)
class Table:
    """Cells under headings.

    Attributes:
        headings: The headings [columns].
        rows: The cells [n][columns].
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_markdown(self) -> str:
        """Return the table in Markdown. Nothing in a cell is taken for Markdown or HTML."""
        headings, *rows = (tuple(map(escape, row)) for row in (self.headings, *self.rows))
        lines = (headings, ("---",) * len(headings), *rows)
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def to_html(self) -> str:
        """Return the table in HTML. Nothing in a cell is taken for HTML."""
        rows = [tuple(map(escape, row)) for row in (self.headings, *self.rows)]
        lines = "\n".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows)
        return f"<table border=1>\n{lines}\n</table>"


def describe_rows(dataset: ShardDataset, x: Any) -> Table:
    """Return the tokens of texts, or the numbers of a table by feature.

    Args:
        dataset: The dataset of the rows.
        x: The `x` of a batch: a `Bag`, a tensor [n, f], or one of these by group.
    """
    parts: Mapping[str, Any] = x if isinstance(x, Mapping) else {"tokens": x}
    bags = {name: part for name, part in parts.items() if isinstance(part, Bag)}
    vocab = find_modality(dataset.kind).vocabulary(dataset)
    texts = [] if vocab is None else [_texts(vocab, bag) for bag in bags.values()]
    of_texts = Table(tuple(bags), tuple(zip(*texts, strict=True)))
    tensors = [part for name, part in parts.items() if name not in bags]
    if not tensors:
        return of_texts
    numbers = _numbers(dataset, tensors)
    return beside(numbers, of_texts) if bags else numbers


def _numbers(dataset: ShardDataset, tensors: Sequence[Tensor]) -> Table:
    numbers = torch.cat([tensor.double().flatten(1) for tensor in tensors], dim=1).tolist()
    names = dataset.features
    if len(names) > _COLUMNS:
        more = f"and {len(names) - _COLUMNS:,} more"
        rows = tuple((*(f"{v:.6g}" for v in row[:_COLUMNS]), "…") for row in numbers)
        return Table((*names[:_COLUMNS], more), rows)
    return Table(names, tuple(tuple(f"{value:.6g}" for value in row) for row in numbers))


def _texts(vocab: Vocab, x: Bag) -> list[str]:
    """Return the tokens of each text, with spaces between them."""
    ends = torch.cat([x.offsets[1:], torch.tensor([len(x.ids)])])
    texts = [x.ids[first:last].tolist() for first, last in zip(x.offsets, ends, strict=True)]
    return [" ".join(vocab.lookup_tokens(ids)) for ids in texts]


def beside(table: Table, other: Table) -> Table:
    """Return two tables of the same rows side by side."""
    rows = (ours + theirs for ours, theirs in zip(table.rows, other.rows, strict=True))
    return Table(table.headings + other.headings, tuple(rows))


def escape(text: str) -> str:
    """Return a text on one line, cut if it is long, for Markdown and HTML to show as it is."""
    text = " ".join(text.split())
    if len(text) > _CHARACTERS:
        text = text[:_CHARACTERS] + "…"
    # A character given by its number is never taken for Markdown or HTML.
    return "".join(c if c.isalnum() or c in " .,…" else f"&#{ord(c)};" for c in text)
