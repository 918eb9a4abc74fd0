"""The records that pass between the kinds and those who call them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from shardmill.errors import InputError
from shardmill.format.arrow_arrays import Array as Array, arrow_array
from shardmill.format.layout import Field
from shardmill.format.manifest import Statistics
from shardmill.text.vocab import Vocab


class RowFault(Exception):  # noqa: N818  it never reaches a user: see `at`
    """A cell that is not what its recipe says.

    Attributes:
        row: The position of the row in the table that was being cleaned.
        column: The column of the cell; empty if the whole row is at fault.
        error: The class of the error for the user, once the file and the line are known.
        facts: What the error will say: `expected`, `found` and `fix`.
    """

    def __init__(self, row: int, column: str, error: type[InputError], **facts: str) -> None:
        self.row = row
        self.column = column
        self.error = error
        self.facts = facts
        super().__init__(row, column, error, facts)

    def __reduce__(self) -> tuple[object, ...]:
        return _fault, (self.row, self.column, self.error, self.facts)

    def at(self, place: str) -> InputError:
        """Return the error for the user. `place` names the file and the line."""
        where = f"{place}, column {self.column}" if self.column else place
        return self.error(where, **self.facts)


def _fault(row: int, column: str, error: type[InputError], facts: dict[str, str]) -> RowFault:
    return RowFault(row, column, error, **facts)


def reason_of(fault: RowFault) -> str:
    """Return what is wrong with a cell, in one line for lists of bad rows."""
    where = f"{fault.column}: " if fault.column else ""
    return f"{where}expected {fault.facts['expected']}, found {fault.facts['found']}"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Cleaned rows in order, and the rows that were left out.

    Attributes:
        table: The rows that were kept.
        dropped: Why the recipe leaves rows out, by their position in the raw table.
        faults: What is wrong with rows that are not what the recipe says, in order. Each such row
            has at least one fault, and is neither in `table` nor in `dropped`.
    """

    table: pa.Table
    dropped: Mapping[int, str] = field(default_factory=dict)
    faults: tuple[RowFault, ...] = ()


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learnt from the rows of the train split.

    Attributes:
        inputs: The fields of the model's input: `x`, or an `x.<group>` for each group.
        features: The names of the features, field after field.
        statistics: The statistics of each feature.
        vocab: The vocabulary of texts; None for other kinds, like all that follows.
        unknown: The token that stands for unknown tokens.
        padding: The token that fills up short texts.
        tokenizer: The content of the tokenizer.json that was brought along or learnt; else None.
        unknown_id: The id of the token for unknown ones, also where `vocab` was left out.
        unicode: The version of Unicode by which the train rows were cleaned and cut into tokens,
            which may be another one than this Python's; None if that does not depend on it.
    """

    inputs: tuple[Field, ...]
    features: tuple[str, ...]
    statistics: Mapping[str, Statistics]
    vocab: Vocab | None = None
    unknown: str | None = None
    padding: str | None = None
    tokenizer: str | None = None
    unknown_id: int | None = None
    unicode: str | None = None

    def padding_id(self) -> int:
        """Return the id that fills up short rows; 0 if there is no padding token."""
        return 0 if self.vocab is None or self.padding is None else self.vocab[self.padding]


def unknown_id_of(vocab: Vocab, unknown: str | None) -> int | None:
    """Return the id of the token for unknown ones, if the vocabulary has it."""
    return None if unknown is None or unknown not in vocab else vocab[unknown]


def without_faulty(
    table: pa.Table, faults: Sequence[RowFault], dropped: Mapping[int, str] | None = None
) -> Cleaned:
    """Return the rows of `table` [n] without those that have a fault or are dropped."""
    if not faults and not dropped:
        return Cleaned(table)
    faulty = {fault.row for fault in faults}
    dropped = {row: why for row, why in (dropped or {}).items() if row not in faulty}
    kept = np.ones(len(table), bool)
    kept[[*faulty, *dropped]] = False
    in_order = sorted(faults, key=lambda fault: fault.row)
    return Cleaned(table.filter(arrow_array(kept)), dropped, tuple(in_order))
