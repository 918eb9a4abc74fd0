"""Cleaned rows as a DataFrame."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from shardmill.format.read_rows import whole_file

# What pandas has for missing cells. Its usual int64 and bool have none, so values would change.
_NULLABLE: dict[pa.DataType, object] = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def cleaned_frame(files: Sequence[Path]) -> pd.DataFrame:
    """Return the rows of Parquet files of the same columns. Without files, there are no columns.

    Raises:
        DamagedFileError: A file is missing, or is no Parquet.
    """
    tables = []
    for path in files:
        with whole_file(path):
            tables.append(pq.read_table(path))
    table = pa.concat_tables(tables or [pa.table({})]).replace_schema_metadata()
    frame: pd.DataFrame = table.to_pandas()
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count and column.type in _NULLABLE:
            frame[name] = column.to_pandas(types_mapper=_NULLABLE.get)
    return frame
