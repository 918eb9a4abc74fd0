"""The protocol of a format of files whose columns have types."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from shardmill.errors import TableFormatError


class RowGroup(NamedTuple):
    """Rows of a file that lie together.

    Attributes:
        rows: How many rows there are.
        file_bytes: How many bytes of the file they take.
        memory_bytes: About how many bytes the wanted columns take in memory.
    """

    rows: int
    file_bytes: int
    memory_bytes: int


class TableFormat(Protocol):
    """The functions of a module that reads files of one format.

    They raise what Arrow raises: `pa.ArrowException`, or `OSError`.

    Attributes:
        NAME: The name of the format.
    """

    NAME: str

    def schema(self, path: Path) -> pa.Schema:
        """Return the names and the types of the columns of a file."""
        ...

    def groups(self, path: Path, names: Sequence[str]) -> list[RowGroup]:
        """Return the groups of rows of a file, in order. Only these columns are wanted."""
        ...

    def batches(self, path: Path, names: Sequence[str], group: int) -> Iterator[pa.RecordBatch]:
        """Yield some columns of a group, a few rows at a time. Names may come in any order."""
        ...


def tables_of(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Yield tables of `rows` rows, made of batches of any size. The last one may have fewer.

    Example:
        >>> batch = pa.record_batch({"n": [1, 2, 3]})
        >>> [table.column("n").to_pylist() for table in tables_of([batch, batch], 4)]
        [[1, 2, 3, 1], [2, 3]]
    """
    waiting: list[pa.RecordBatch] = []
    missing = rows
    for batch in batches:
        rest = batch
        while len(rest) >= missing:
            yield pa.Table.from_batches([*waiting, rest[:missing]])
            rest, waiting, missing = rest[missing:], [], rows
        if len(rest):
            waiting.append(rest)
            missing -= len(rest)
    if waiting:
        yield pa.Table.from_batches(waiting)


def unreadable_table(path: Path, name: str, error: Exception) -> TableFormatError:
    """Return the error for a file that Arrow cannot read.

    Args:
        path: The file.
        name: The name of its format.
        error: What Arrow raised.
    """
    return TableFormatError(
        path,
        expected=f"a whole {name} file",
        found=f"one that cannot be read ({str(error).splitlines()[0] if str(error) else error!r})",
        fix="write or fetch the file again",
    )
