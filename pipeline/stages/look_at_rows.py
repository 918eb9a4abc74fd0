"""Goes through the cleaned rows of a file once more, for what is learnt from all of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.kinds.train_rows import FoundT, Look


def look_at_rows(look: Look[FoundT], parquet: Path) -> FoundT:
    """Return what a look finds in the rows of a Parquet file, of which a row group is in memory."""
    names = list(look.names())
    with pq.ParquetFile(parquet) as file:
        groups = range(file.num_row_groups)
        found = look(file.read_row_group(group, columns=names) for group in groups)
    pa.default_memory_pool().release_unused()
    return found
