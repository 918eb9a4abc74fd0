"""The records by which a build hands prepared rows to a kind, and the train rows to its fit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa

FoundT = TypeVar("FoundT")
FoundT_co = TypeVar("FoundT_co", covariant=True)
SummaryT = TypeVar("SummaryT")


@dataclass(frozen=True, slots=True)
class Prepared(Generic[SummaryT]):
    """Some rows of a split before the fit.

    Attributes:
        rows: The rows, encoded as far as is possible. They may be the cleaned rows themselves.
        summary: What `merge` of the kind takes. It is small.
        tokens: A table with the columns `token` and `count`, a row for each distinct token of the
            rows in order of first appearance; None if no tokens are to be looked up or learnt from.
    """

    rows: pa.Table
    summary: SummaryT
    tokens: pa.Table | None = None


class Look(Protocol[FoundT_co]):
    """A picklable function of the cleaned rows of a file, which come in several tables."""

    def names(self) -> tuple[str, ...]:
        """Return the columns that the function looks at."""
        ...

    def __call__(self, tables: Iterable[pa.Table]) -> FoundT_co:
        """Return what is found in the rows."""
        ...


class Scan(Protocol):
    """A function that goes through all train rows once more."""

    def __call__(self, look: Look[FoundT]) -> Iterator[FoundT]:
        """Yield what is found in each file of cleaned rows, file by file."""
        ...


@dataclass(frozen=True, slots=True)
class TrainRows(Generic[SummaryT]):
    """What the train rows are to `fit` of a kind.

    Attributes:
        summary: The summary of all of them.
        tokens: The tables of tokens of `Prepared`, in order, which are read as they are needed.
        scan: What goes through the cleaned rows once more.
    """

    summary: SummaryT
    tokens: Iterable[pa.Table]
    scan: Scan


def no_rows(look: Look[Any]) -> Iterator[Any]:  # noqa: ARG001
    """Find nothing: a scan of no files."""
    return iter(())
