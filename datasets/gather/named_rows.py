"""Rows and batches as dicts, by the names that a user gave to the fields.

Padded texts become ids [b, longest] int64 and a mask [b, longest] int64, as models of Hugging Face
take them. torch's fetcher is given `NamedRows`: a sequence of dicts for a `collate_fn` of the
user's, such as that of `transformers.Trainer`, and the batch itself for `default_collate`. Rows
that are cut from a padded batch keep their padding, so any collator can stack them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data._utils.collate import collate, default_collate_fn_map

from shardmill.datasets.gather.batch_rows import cut_row
from shardmill.datasets.gather.collate import GatheredRows
from shardmill.datasets.gather.text_stack import TextStack
from shardmill.format.batch import Bag, Padded


class NamedRow(dict[str, Any]):
    """One row: a dict whose type tells `default_collate` where it comes from.

    Attributes:
        naming: How several rows are put together.
    """

    naming: "Naming"


@dataclass(frozen=True, slots=True)
class Naming:
    """Makes dicts of `(x, y)`, or of `x` alone where there is no target.

    Attributes:
        names: The name of each field.
        stack: Puts texts of different lengths together; None if all rows have one size.
    """

    names: Mapping[str, str]
    stack: TextStack | None

    def batch(self, x: Any, *y: Any) -> dict[str, Any]:
        """Return a batch as a dict.

        Raises:
            ValueError: A transform made a part that has the name of another.
        """
        return self._named(_fields(x, *y))

    def row(self, x: Any, *y: Any) -> NamedRow:
        """Return a row as a dict. A text has no padding, so its mask is ones.

        Raises:
            ValueError: A transform made a part that has the name of another.
        """
        if self.stack is not None and self.stack.layout == "padded" and _is_text(x):
            alone = self.batch(Padded(x[None], torch.tensor([len(x)], device="cpu")))
            text = {name: value[0] for name, value in alone.items()}
            return self.mark(text | self._named(_fields(None, *y)))
        return self.mark(self.batch(x, *y))

    def mark(self, named: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> NamedRow:
        """Return a row that knows how to be put together with others."""
        row = NamedRow(named)
        row.naming = self
        return row

    def columns(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return by name what `cut_row` takes the parts of each row from."""
        columns = dict(batch)
        ids, offsets = self.names.get("x", ""), self.names.get("x.offsets", "")
        if ids in columns and offsets in columns:
            columns[ids] = Bag(columns[ids], columns.pop(offsets))
        return columns

    def stacked(self, rows: Sequence[NamedRow], collate_fn_map: Any) -> dict[str, Any]:
        """Return the batch of one row or more, as `batch` makes it."""
        ids, mask = self.names.get("x", ""), self.names.get("x.mask", "")
        texts = [row[ids] for row in rows if _is_text(row.get(ids))]
        if self.stack is None or len(texts) < len(rows):
            return _collated(rows, list(rows[0]), collate_fn_map)
        if mask in rows[0]:  # rows of a padded batch have their padding still
            texts = [text[: int(row[mask].sum())] for text, row in zip(texts, rows, strict=True)]
        others = [name for name in rows[0] if name not in (ids, mask)]
        return self.batch(self.stack(texts)) | _collated(rows, others, collate_fn_map)

    def _named(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for field, value in fields.items():
            for part, tensor in _parts(field, value):
                # A part that a transform made is no field of the artifact: it names itself.
                own = part if part in self.names or "." not in part else part.partition(".")[2]
                name = self.names.get(part, own)
                if name in named:
                    raise ValueError(
                        f"two parts of a row are called {name!r}: give the field another name in "
                        "names=, or the part in the transform"
                    )
                named[name] = tensor
        return named


class NamedRows(GatheredRows):
    """A batch as its rows, which are made when they are asked for.

    Args:
        batch: The batch as a dict.
        rows: How many rows it has.
        naming: What made the dict.
    """

    def __init__(self, batch: dict[str, Any], rows: int, naming: Naming) -> None:
        super().__init__(batch, rows, labelled=False, stack=naming.stack)
        self._naming = naming
        self._columns = naming.columns(batch)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        row = {name: cut_row(value, index) for name, value in self._columns.items()}
        return self._naming.mark(row)

    def __iter__(self) -> Iterator[NamedRow]:
        columns = self._columns.values()
        if not columns or not all(type(value) is Tensor for value in columns):
            return super().__iter__()
        # torch takes a tensor apart in half the time of one index after another.
        rows = zip(*(value.unbind() for value in columns), strict=True)
        return (self._naming.mark(zip(self._columns, row, strict=True)) for row in rows)


def register_named_rows() -> None:
    """Teach torch's `default_collate` rows with names, in this process."""
    default_collate_fn_map[NamedRow] = _collate_named


def _collate_named(batch: Sequence[NamedRow], *, collate_fn_map: Any = None) -> Any:
    if isinstance(batch, GatheredRows):
        return batch.batch
    return batch[0].naming.stacked(batch, collate_fn_map)


def _collated(
    rows: Sequence[NamedRow], names: Sequence[str], collate_fn_map: Any
) -> dict[str, Any]:
    return {
        name: collate([row[name] for row in rows], collate_fn_map=collate_fn_map) for name in names
    }


def _fields(x: Any, *y: Any) -> dict[str, Any]:
    return dict(zip("xy", (x, *y), strict=False))


def _parts(field: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for part, inner in value.items():
            yield f"{field}.{part}", inner
    elif isinstance(value, Padded):
        width = torch.arange(value.ids.shape[1], device=value.ids.device)
        yield field, value.ids if value.ids.is_floating_point() else value.ids.long()
        yield f"{field}.mask", (width < value.lengths[:, None]).long()
    elif isinstance(value, Bag):
        yield field, value.ids
        yield f"{field}.offsets", value.offsets
    elif value is not None:
        yield field, value


def _is_text(x: Any) -> bool:
    return isinstance(x, Tensor) and x.ndim == 1
