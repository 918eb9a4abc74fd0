"""CSV files of numbers, of any size, drawn with a seed."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

SEED = 0
COLUMNS = tuple(f"x{number:02d}" for number in range(32))
_BLOCK = 100_000


def write_table_rows(path: Path, *, rows: int) -> None:
    """Write `rows` rows of 32 numbers of seven digits and a class, with a header.

    Args:
        path: The file to write.
        rows: How many.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(SEED)
    schema = pa.schema([(name, pa.float32()) for name in COLUMNS] + [("label", pa.string())])
    with csv.CSVWriter(path, schema) as file:
        for start in range(0, rows, _BLOCK):
            here = min(_BLOCK, rows - start)
            numbers = draw.standard_normal((len(COLUMNS), here), np.float32).round(5)
            labels = np.where(draw.random(here) < 0.5, "yes", "no")
            file.write_table(pa.table([*numbers, pa.array(labels)], schema=schema))
