"""Writes the cleaned rows of one split as a Parquet file."""

import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.manifest import ParquetRecord
from shardmill.pipeline.generation import Generation

# A row group is what is read at a time; both bounds keep it small in memory.
ROW_GROUP_ROWS = 16_384
ROW_GROUP_BYTES = 16 * 2**20


class ParquetSplit:
    """A Parquet file that grows by tables of any size, in row groups of about the same.

    Equal rows in equal tables give equal bytes: nothing in the file says when it was written.
    """

    def __init__(self, generation: Generation, name: str) -> None:
        self._generation = generation
        self._name = name
        self._waiting: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        """Append rows; all tables have one schema."""
        if self._writer is None:
            path = self._generation.folder / self._name
            self._writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        self._waiting.append(table)
        self.rows += len(table)
        waiting_rows = sum(map(len, self._waiting))
        waiting_bytes = sum(waiting.nbytes for waiting in self._waiting)
        if waiting_rows >= ROW_GROUP_ROWS or waiting_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        rows = sum(map(len, self._waiting))
        if self._writer is not None and rows:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=rows)
        self._waiting = []

    def close(self) -> ParquetRecord:
        """Finish the file, flush it to disk and return its record."""
        if self._writer is None:
            raise ValueError("a Parquet file needs at least one table for its schema")
        self._flush()
        self._writer.close()
        file = self._generation.flush(self._name)
        return ParquetRecord(rows=self.rows, **file.model_dump())
