"""The records that pass between the kinds and those who call them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.errors import InputError, UnknownClassError
from shardmill.layout import Field
from shardmill.manifest import Statistics
from shardmill.recipe_tables import Target
from shardmill.vocab import Vocab

Array = npt.NDArray[np.generic]


class RowFault(Exception):  # noqa: N818  never reaches a user: who knows the file adds where it is
    """A cell that is not what its recipe says.

    Attributes:
        row: position in the table that was being cleaned.
        error: which error it becomes once the file and line are known.
    """

    def __init__(self, row: int, column: str, error: type[InputError], **facts: str) -> None:
        self.row = row
        self.column = column
        self.error = error
        self.facts = facts
        super().__init__(row, column, error, facts)

    def at(self, place: str) -> InputError:
        """Return the error for the user; `place` names the file and the line."""
        where = f"{place}, column {self.column}" if self.column else place
        return self.error(where, **self.facts)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Cleaned rows, in order, and what became of the others.

    Attributes:
        table: the rows that were kept.
        dropped: reason by position in the raw table, for every row that was not.
    """

    table: pa.Table
    dropped: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the rows of the train split taught.

    Attributes:
        input: the field of the model's input, `x`.
        features: names of what `x` holds.
        statistics: by feature.
        vocab: numbers of the tokens; None but for text.
    """

    input: Field
    features: tuple[str, ...]
    statistics: Mapping[str, Statistics]
    vocab: Vocab | None = None


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of different lengths: `values` [sum of sizes] and `sizes` [n] int32."""

    values: Array
    sizes: npt.NDArray[np.int32]


TARGET = Field("y", "int64")


def class_indices(labels: pa.ChunkedArray, target: Target, column: str) -> pa.Array:
    """Return the class index [n] int64 of each label, a string or integer array without nulls.

    Raises:
        RowFault: a label is not one of the classes.
    """
    first = target.first
    names = target.classes if first is None else range(first, first + len(target.classes))
    texts = pc.utf8_trim_whitespace(labels.combine_chunks().cast(pa.string()))
    found = texts.dictionary_encode()
    known = {str(name): index for index, name in enumerate(names)}
    indices = [known.get(text, -1) for text in found.dictionary.to_pylist()]
    mapped = pa.array(indices, pa.int64()).take(found.indices)
    values = np.asarray(mapped.fill_null(-1))
    if (values < 0).any():
        row = int(np.argmax(values < 0))
        raise RowFault(
            row,
            column,
            UnknownClassError,
            expected=f"one of {', '.join(known)}",
            found=repr(texts[row].as_py() or ""),
            fix="correct the file, or the classes of the recipe",
        )
    return pa.array(values, pa.int64())
