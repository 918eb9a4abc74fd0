"""Keeps prepared rows until shards are cut: as far encoded as is possible before the fit.

A kind that prepares nothing needs no file here: its cleaned rows are in the Parquet files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.errors import DamagedFileError
from shardmill.format.manifest import ParquetRecord
from shardmill.format.read_checked import REBUILD
from shardmill.format.shard_file import check_file
from shardmill.kinds.find_kind import find_kind
from shardmill.recipe.any_recipe import AnyRecipe


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """The prepared rows of one Parquet file.

    Attributes:
        path: An Arrow file with one batch for each summary; None if the prepared rows are the
            cleaned rows themselves.
        summaries: The summaries of the batches, from `prepare` of the kind. A split other than
            train has none, unless its rows are encoded with lookups.
    """

    path: Path | None
    summaries: tuple[Any, ...]


# By split, one for each Parquet file.
PreparedFiles = Mapping[str, Sequence[PreparedFile]]


class PreparedWriter:
    """Prepares tables of cleaned rows, and writes each as one batch.

    Args:
        recipe: The recipe of the dataset.
        folder: The folder to write to; None to do nothing at all.
        split: The split that the rows belong to.
        name: The name of the file, without its suffix.
    """

    def __init__(self, recipe: AnyRecipe, folder: Path | None, split: str, name: str) -> None:
        self._recipe = recipe
        self._folder = folder
        self._needed = split == "train" or find_kind(recipe).needs_lookups(recipe)
        self._name = name
        self._summaries: list[Any] = []
        self._writer: pa.RecordBatchFileWriter | None = None

    def write(self, cleaned: pa.Table) -> None:
        """Prepare some rows and write them. A table without rows makes no batch."""
        if self._folder is None or not self._needed or not len(cleaned):
            return
        prepared, summary = find_kind(self._recipe).prepare(self._recipe, cleaned)
        self._summaries.append(summary)
        if prepared is cleaned:
            return
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self._path()), prepared.schema)
        self._writer.write_batch(prepared.combine_chunks().to_batches()[0])

    def _path(self) -> Path:
        assert self._folder is not None  # noqa: S101  write() has looked
        return self._folder / f"{self._name}.arrow"

    def close(self) -> PreparedFile | None:
        """Return what was prepared; None if there is no folder to write to."""
        if self._folder is None:
            return None
        if self._writer is None:
            return PreparedFile(None, tuple(self._summaries))
        self._writer.close()
        return PreparedFile(self._path(), tuple(self._summaries))


def prepare_parquet(
    recipe: AnyRecipe, split: str, artifact: Path, record: ParquetRecord, folder: Path
) -> PreparedFile:
    """Prepare the rows of a Parquet file of cleaned rows, a row group at a time.

    Raises:
        DamagedFileError: The file is not the one that the clean stage wrote, perhaps long ago.
    """
    check_file(artifact, record)
    parquet = artifact / record.path
    writer = PreparedWriter(recipe, folder, split, parquet.stem)
    with pq.ParquetFile(parquet) as file:
        if file.metadata.num_rows != record.rows:
            found, expected = f"{file.metadata.num_rows:,}", f"{record.rows:,} rows"
            raise DamagedFileError(parquet, expected=expected, found=found, fix=REBUILD)
        for group in range(file.num_row_groups):
            writer.write(file.read_row_group(group))
    prepared_file = writer.close()
    assert prepared_file is not None  # noqa: S101  there is a folder
    return prepared_file


@dataclass(frozen=True, slots=True)
class RowsToEncode:
    """Where prepared rows are, and the lookups that encode them.

    Attributes:
        path: An Arrow file of prepared rows, or a Parquet file of cleaned rows.
        lookups: The lookups of the batches; empty for Parquet, whose kinds need none.
        rows: How many rows the file has.
    """

    path: Path
    lookups: tuple[Any, ...]
    rows: int

    def tables(self, start: int, stop: int) -> Iterator[tuple[pa.Table, Any]]:
        """Yield rows `[start, stop)` in order, each table with its lookup."""
        for index, first, table in self._batches(start, stop):
            begin, end = max(start - first, 0), min(stop - first, len(table))
            yield table.slice(begin, end - begin), self.lookups[index] if self.lookups else None

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
