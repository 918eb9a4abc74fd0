"""Keeps prepared rows until shards are cut: as far encoded as is possible before the fit.

A kind that prepares nothing needs no file here: its cleaned rows are in the Parquet files.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.errors import DamagedFileError
from shardmill.format.manifest import ParquetRecord
from shardmill.format.read_checked import REBUILD
from shardmill.format.shard_file import check_whole
from shardmill.kinds.find_kind import find_kind
from shardmill.pipeline.builds.attempts import attempt_at
from shardmill.pipeline.stages.known_tokens import KnownTokens
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.store.mounts import here, sent

# So many summaries wait until they are merged.
_WAITING = 8


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """The prepared rows of one Parquet file.

    Attributes:
        rows: An Arrow file with one batch for each row group; None if the prepared rows are the
            cleaned rows themselves.
        tokens: An Arrow file with the tokens of each row group in a batch; None if there are none.
        summary: The summary of all its rows, from `merge` of the kind; None for a split other than
            train.
    """

    rows: Path | None
    tokens: Path | None
    summary: Any = None


class PreparedSplit:
    """The prepared rows of a split: a file for each Parquet file, and one summary of all.

    Args:
        recipe: The recipe of the dataset.

    Attributes:
        files: What was prepared, without the summaries.
    """

    def __init__(self, recipe: AnyRecipe) -> None:
        self._recipe = recipe
        self._summaries: list[Any] = []
        self.files: list[PreparedFile] = []

    def add(self, file: PreparedFile) -> None:
        """Add the next file. Its summary is soon merged with those before it."""
        self.files.append(replace(file, summary=None))
        if file.summary is not None:
            self._summaries.append(file.summary)
        if len(self._summaries) > _WAITING:
            self._summaries = [self.summary()]

    def summary(self) -> Any:
        """Return the summary of the rows of all files."""
        return find_kind(self._recipe).merge(self._recipe, self._summaries)

    def token_files(self) -> list[Path]:
        """Return the files of tokens, in order."""
        return [file.tokens for file in self.files if file.tokens is not None]


def token_tables(files: Iterable[Path]) -> Iterator[pa.Table]:
    """Yield the tables of tokens in files, in order."""
    for file in files:
        yield from _batches(file)


class PreparedWriter:
    """Prepares tables of cleaned rows, and writes each as one batch.

    Args:
        recipe: The recipe of the dataset.
        folder: The folder to write to; None to do nothing at all.
        split: The split that the rows belong to.
        name: The name of the files, without their suffix.
    """

    def __init__(self, recipe: AnyRecipe, folder: Path | None, split: str, name: str) -> None:
        self._recipe = recipe
        self._folder = folder
        self._is_train = split == "train"
        self._needed = self._is_train or find_kind(recipe).needs_lookups(recipe)
        self._name = name
        self._summaries: list[Any] = []
        self._writers: dict[str, pa.RecordBatchFileWriter] = {}
        self._attempts: dict[str, Path] = {}

    def write(self, cleaned: pa.Table) -> None:
        """Prepare some rows and write them. A table without rows makes no batch."""
        if self._folder is None or not self._needed or not len(cleaned):
            return
        kind = find_kind(self._recipe)
        before = self._summaries[-1] if self._summaries else None
        prepared = kind.prepare(self._recipe, cleaned, before)
        if self._is_train:
            self._summaries.append(prepared.summary)
        if len(self._summaries) > _WAITING:
            self._summaries = [kind.merge(self._recipe, self._summaries)]
        if prepared.rows is not cleaned:
            self._write("rows", prepared.rows)
        if prepared.tokens is not None:
            self._write("tokens", prepared.tokens)

    def _write(self, what: str, table: pa.Table) -> None:
        if what not in self._writers:
            self._attempts[what] = attempt_at(self._path(what))
            self._writers[what] = pa.ipc.new_file(str(self._attempts[what]), table.schema)
        arrays = [column.combine_chunks() for column in table.columns]
        self._writers[what].write_batch(pa.RecordBatch.from_arrays(arrays, schema=table.schema))

    def _path(self, what: str) -> Path:
        assert self._folder is not None  # noqa: S101  write() has looked
        return self._folder / f"{self._name}.{what}.arrow"

    def close(self) -> PreparedFile | None:
        """Return what was prepared; None if there is no folder to write to."""
        if self._folder is None:
            return None
        for what, writer in self._writers.items():
            writer.close()
            self._attempts[what].replace(self._path(what))
            sent(self._path(what))
        rows, tokens = (
            self._path(what) if what in self._writers else None for what in ("rows", "tokens")
        )
        summary = None
        if self._summaries:
            summary = find_kind(self._recipe).merge(self._recipe, self._summaries)
        return PreparedFile(rows, tokens, summary)


def prepare_parquet(
    recipe: AnyRecipe, split: str, artifact: Path, record: ParquetRecord, folder: Path
) -> PreparedFile:
    """Prepare the rows of a Parquet file of cleaned rows, a row group at a time.

    Raises:
        DamagedFileError: The file is not the one that the clean stage wrote, perhaps long ago.
    """
    parquet = here(artifact / record.path)
    check_whole(parquet, record)
    writer = PreparedWriter(recipe, folder, split, PurePosixPath(record.path).stem)
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
    """Where prepared rows are.

    Attributes:
        path: An Arrow file of prepared rows, or a Parquet file of cleaned rows.
        tokens: An Arrow file of the tokens of each batch, if they are looked up.
        rows: How many rows the file has.
    """

    path: Path
    tokens: Path | None
    rows: int

    def tables(
        self, start: int, stop: int, known: KnownTokens | None
    ) -> Iterator[tuple[pa.Table, Any]]:
        """Yield rows `[start, stop)` in order, each table with the ids of its tokens, or None."""
        lookups = iter(self._ids(start, stop, known))
        for first, table in self._inside(start, stop):
            begin, end = max(start - first, 0), min(stop - first, len(table))
            yield table.slice(begin, end - begin), next(lookups, None)

    def _ids(self, start: int, stop: int, known: KnownTokens | None) -> Iterable[Any]:
        if self.tokens is None or known is None:
            return ()
        tables, first = [], 0
        for rows, tokens in zip(_batches(self.path), _batches(self.tokens), strict=True):
            if first < stop and first + len(rows) > start:
                tables.append(tokens)
            first += len(rows)
        # All are looked up together, since a look-up begins with all that is known.
        return known.ids(tables)

    def _inside(self, start: int, stop: int) -> Iterator[tuple[int, pa.Table]]:
        """Yield the batches or row groups that have rows `[start, stop)`, with their first row."""
        first = 0
        if self.path.suffix != ".parquet":
            for table in _batches(self.path):
                if first < stop and first + len(table) > start:
                    yield first, table
                first += len(table)
            return
        with pq.ParquetFile(here(self.path)) as file:
            for index in range(file.num_row_groups):
                rows = file.metadata.row_group(index).num_rows
                if first < stop and first + rows > start:
                    yield first, file.read_row_group(index)
                first += rows


def _batches(path: Path) -> Iterator[pa.Table]:
    """Yield the batches of an Arrow file, which is mapped."""
    with pa.memory_map(str(here(path))) as source:
        file = pa.ipc.open_file(source)
        for index in range(file.num_record_batches):
            yield pa.Table.from_batches([file.get_batch(index)])
