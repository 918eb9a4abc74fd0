"""Raw rows, whatever kind of file they stand in: the seam under builds and predictions.

A source goes to worker processes, so it is a small picklable value. It cuts its files into chunks,
reads a chunk as an Arrow table, and says where a row stands. `raw.sources` knows which source
reads what a recipe names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, runtime_checkable

import pyarrow as pa

from shardmill.raw.raw_files import RawContent

if TYPE_CHECKING:
    from shardmill.raw.cut_scanned import ScannedFile
    from shardmill.raw.scan_ranges import ScanRule

# What is known of the files of a source if none was scanned, by their number.
NOT_SCANNED: "Mapping[int, ScannedFile]" = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SourceColumns:
    """The columns of raw rows, and what a recipe needs them for.

    Attributes:
        names: All columns, in the order of files without a header.
        inputs: The columns that the model's input is made of.
        targets: The columns that the target is made of.
        labelled: Whether the targets are wanted. If not, the files may have them or lack them.
    """

    names: tuple[str, ...]
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    labelled: bool = True

    def wanted(self) -> tuple[str, ...]:
        """Return the inputs, and the targets if they are wanted, in the order of `names`."""
        used = {*self.inputs, *(self.targets if self.labelled else ())}
        return tuple(name for name in self.names if name in used)

    def with_others(self, names: Sequence[str]) -> "SourceColumns":
        """Return the same columns, with some others that are wanted too."""
        if not names:
            return self
        added = [name for name in names if name not in self.names]
        inputs = dict.fromkeys((*self.inputs, *names))
        return replace(self, names=(*self.names, *added), inputs=tuple(inputs))

    def of_width(self, fields: int) -> tuple[str, ...]:
        """Return the columns of a file without a header whose first row has so many fields.

        Without the targets, a file may lack them.
        """
        inputs = tuple(name for name in self.names if name not in self.targets)
        return inputs if not self.labelled and fields == len(inputs) else self.names


class Place(NamedTuple):
    """Where a row stands.

    Attributes:
        file: The raw file.
        unit: What `number` counts: `line` from 1, or `row` from 0. Empty if the file is the row;
            then `number` counts the files from 0.
        number: The first line of the row, or its number.
        text: The text of the row; None if it is no text.
    """

    file: Path
    unit: str
    number: int
    text: str | None

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.number}" if self.unit else str(self.file)


class BadPlace(NamedTuple):
    """A row that is left out, and why."""

    place: Place
    reason: str


class ReadRows(NamedTuple):
    """The rows of a chunk.

    Attributes:
        table: The rows [n]. Columns may be typed already; a CSV file gives strings.
        bad: The rows that could not be parsed.
        untaken: How many rows belong to no split, by what stands in them, as in `use = 'other'`.
            Those that another split takes are not among them.
    """

    table: pa.Table
    bad: list[BadPlace]
    untaken: Mapping[str, int] = MappingProxyType({})


class RowSource(Protocol):
    """Raw rows in one or more files."""

    def files(self) -> tuple[RawContent, ...]:
        """Return the raw files whose rows these are."""
        ...

    def failing(self) -> Self:
        """Return the same rows, of which the first bad one is an error whatever the recipe says."""
        ...

    def chunks(self, chunk_bytes: int) -> Iterator[Any]:
        """Yield chunks of about `chunk_bytes` bytes, in the order of the rows."""
        ...

    def rest(self, chunk: Any, chunk_bytes: int) -> Iterator[Any]:
        """Yield the chunks of the same file that come after a chunk."""
        ...

    def read(self, chunk: Any) -> ReadRows:
        """Return the rows of a chunk."""
        ...

    def places(self, chunk: Any, rows: Sequence[int], column: str) -> list[Place]:
        """Return where some rows of a chunk's table stand.

        Args:
            chunk: The chunk.
            rows: The positions of the rows in the table.
            column: The column that is concerned. Columns may lie in files of their own.
        """
        ...


@runtime_checkable
class MeasuredSource(Protocol):
    """Raw rows whose chunks have another size than their files."""

    @property
    def bytes(self) -> int:
        """How many bytes the chunks have together."""
        ...


@runtime_checkable
class ScannableSource(Protocol):
    """Raw rows in text files, whose ranges can be scanned before the files are cut."""

    def scan_rules(self) -> "list[ScanRule]":
        """Return how rows end in each file."""
        ...

    def chunks(
        self, chunk_bytes: int, scanned: "Mapping[int, ScannedFile]" = NOT_SCANNED
    ) -> Iterator[Any]:
        """Yield chunks, as `RowSource.chunks` does.

        Args:
            chunk_bytes: About how many bytes a chunk has.
            scanned: What is known of some files, by their number.
        """
        ...
