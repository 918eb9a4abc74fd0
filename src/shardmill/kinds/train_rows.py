"""The records by which a build hands prepared rows to a kind, and the train rows to its fit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

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
    """A picklable function of cleaned rows, which come in several tables."""

    def names(self) -> tuple[str, ...]:
        """Return the columns that the function looks at."""
        ...

    def __call__(self, tables: Iterable[pa.Table]) -> FoundT_co:
        """Return what is found in the rows."""
        ...


class Scan(Protocol):
    """Goes through all train rows once more, in tasks."""

    @property
    def rows(self) -> int:
        """How many train rows there are."""
        ...

    def each_file(self, look: Look[FoundT]) -> Iterator[FoundT]:
        """Yield what is found in each file of cleaned rows, a task for each file."""
        ...

    def all_files(self, looks: Iterable[Look[FoundT]]) -> Iterator[FoundT]:
        """Yield what each look finds in the rows of all files, a task for each look."""
        ...


@dataclass(frozen=True, slots=True)
class TrainRows(Generic[SummaryT]):
    """What the train rows are to `fit` of a kind.

    Attributes:
        summary: The summary of all of them.
        tokens: The tables of tokens of `Prepared`, in order, which are read as they are needed. If
            the tokens are words, several tables may have been merged into one.
        scan: What goes through the cleaned rows once more.
    """

    summary: SummaryT
    tokens: Iterable[pa.Table]
    scan: Scan


class NoRows:
    """A scan of no files."""

    rows: int = 0

    def each_file(self, look: Look[FoundT]) -> Iterator[FoundT]:  # noqa: ARG002
        """Find nothing."""
        return iter(())

    def all_files(self, looks: Iterable[Look[FoundT]]) -> Iterator[FoundT]:  # noqa: ARG002
        """Find nothing."""
        return iter(())
