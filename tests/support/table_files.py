"""Writes the rows of an Arrow table as files of every format with columns."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

# The format by its key in a split of a recipe, and the ending of a file of it.
FORMATS = {"t.csv": "csv", "t.parquet": "parquet", "t.feather": "arrow", "t.arrows": "arrow"}
FORMATS["t.jsonl"] = "jsonl"


def write_table(table: pa.Table, path: Path, *, group_rows: int = 7) -> None:
    """Write a table of numbers, texts and bools in the format that the ending of a path says."""
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=group_rows)
    elif path.suffix == ".feather":
        feather.write_feather(table, path, chunksize=group_rows, compression="uncompressed")
    elif path.suffix == ".arrows":
        with pa.ipc.new_stream(path, table.schema) as stream:
            stream.write_table(table, max_chunksize=group_rows)
    elif path.suffix == ".jsonl":
        rows = (json.dumps(row) for row in table.to_pylist())
        path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table.column_names)
            writer.writerows(row.values() for row in table.to_pylist())
