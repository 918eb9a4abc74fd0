"""Reads Parquet files, row group by row group. See `TableFormat` for what the functions do."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.raw.tables.table_format import RowGroup

NAME = "Parquet"
# Without a buffer, all that a row group has of a column would be in memory, which has no bound.
_BUFFER_BYTES = 2**20


def schema(path: Path) -> pa.Schema:
    """Return the names and the types of the columns of a file."""
    with pq.ParquetFile(path) as file:
        return file.schema_arrow


def groups(path: Path, names: Sequence[str]) -> list[RowGroup]:
    """Return the row groups of a file.

    Their bytes in memory are those before compression. A column with a dictionary may take more.
    """
    found = []
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            group = file.metadata.row_group(index)
            columns = [group.column(i) for i in range(group.num_columns)]
            file_bytes = sum(column.total_compressed_size for column in columns)
            wanted = [c.total_uncompressed_size for c in columns if c.path_in_schema in names]
            found.append(RowGroup(group.num_rows, file_bytes, sum(wanted)))
    return found


def batches(path: Path, names: Sequence[str], group: int) -> Iterator[pa.RecordBatch]:
    """Yield some columns of a row group. Pages are decoded as their rows are asked for."""
    with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES) as file:
        yield from file.iter_batches(row_groups=[group], columns=list(names), use_threads=False)
