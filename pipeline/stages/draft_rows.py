"""Drafts: cleaned rows as far as they are known before the fit, kept until shards are cut.

A kind whose draft is the cleaned rows themselves needs no file: they are in the Parquet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.kinds.find_kind import find_kind
from shardmill.recipe.any_recipe import AnyRecipe


@dataclass(frozen=True, slots=True)
class DraftFile:
    """The draft of the rows in one Parquet file.

    Attributes:
        path: an Arrow file of as many batches as there are summaries; None if the draft is the
            cleaned rows themselves.
        summaries: of the batches, see `draft` of the kind; none of a split whose rows nothing is
            fitted to, unless they come with keys.
    """

    path: Path | None
    summaries: tuple[Any, ...]


Drafts = Mapping[str, Sequence[DraftFile]]  # by split, one for each Parquet file


class DraftWriter:
    """Drafts tables of cleaned rows, one batch each.

    Args:
        recipe: of the dataset.
        folder: where to write; None to do nothing at all.
        split: whose rows they are.
        name: of the file, without its suffix.
    """

    def __init__(self, recipe: AnyRecipe, folder: Path | None, split: str, name: str) -> None:
        self._recipe = recipe
        self._folder = folder
        self._needed = split == "train" or find_kind(recipe).KEYED
        self._name = name
        self._summaries: list[Any] = []
        self._writer: pa.RecordBatchFileWriter | None = None

    def write(self, cleaned: pa.Table) -> None:
        """Draft some rows; none are no batch."""
        if self._folder is None or not self._needed or not len(cleaned):
            return
        drafted, summary = find_kind(self._recipe).draft(self._recipe, cleaned)
        self._summaries.append(summary)
        if drafted is cleaned:
            return
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self._path()), drafted.schema)
        self._writer.write_batch(drafted.combine_chunks().to_batches()[0])

    def _path(self) -> Path:
        assert self._folder is not None  # noqa: S101  write() has looked
        return self._folder / f"{self._name}.arrow"

    def close(self) -> DraftFile | None:
        """Return the draft; None if there is no folder to write to."""
        if self._folder is None:
            return None
        if self._writer is None:
            return DraftFile(None, tuple(self._summaries))
        self._writer.close()
        return DraftFile(self._path(), tuple(self._summaries))


def draft_parquet(recipe: AnyRecipe, split: str, parquet: Path, folder: Path) -> DraftFile:
    """Draft the rows of a Parquet file of cleaned rows, a row group at a time."""
    writer = DraftWriter(recipe, folder, split, parquet.stem)
    with pq.ParquetFile(parquet) as file:
        for group in range(file.num_row_groups):
            writer.write(file.read_row_group(group))
    draft = writer.close()
    assert draft is not None  # noqa: S101  there is a folder
    return draft


@dataclass(frozen=True, slots=True)
class Drafted:
    """Where drafted rows are, and what finishes them.

    Attributes:
        path: an Arrow file of drafts, or a Parquet file of cleaned rows.
        keys: of its batches; empty for Parquet, whose kinds need none.
        rows: in the file.
    """

    path: Path
    keys: tuple[Any, ...]
    rows: int

    def tables(self, start: int, stop: int) -> Iterator[tuple[pa.Table, Any]]:
        """Yield rows `[start, stop)` in order, each table with its key."""
        for index, first, table in self._batches(start, stop):
            begin, end = max(start - first, 0), min(stop - first, len(table))
            yield table.slice(begin, end - begin), self.keys[index] if self.keys else None

    def _batches(self, start: int, stop: int) -> Iterator[tuple[int, int, pa.Table]]:
        """Yield the batches that hold rows `[start, stop)`: position, first row, all rows."""
        first = 0
        if self.path.suffix == ".parquet":
            with pq.ParquetFile(self.path) as file:
                for index in range(file.num_row_groups):
                    rows = file.metadata.row_group(index).num_rows
                    if first < stop and first + rows > start:
                        yield index, first, file.read_row_group(index)
                    first += rows
            return
        with pa.memory_map(str(self.path)) as source:
            file = pa.ipc.open_file(source)
            for index in range(file.num_record_batches):
                table = pa.Table.from_batches([file.get_batch(index)])
                if first < stop and first + len(table) > start:
                    yield index, first, table
                first += len(table)
