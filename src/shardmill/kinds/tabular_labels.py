"""Reads the labels of a table: columns whose cells are classes."""

import pyarrow as pa

from shardmill.errors import UnknownClassError
from shardmill.kinds.cells import Cells
from shardmill.kinds.row import RowFault, class_indices
from shardmill.recipe.names import listed
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.targets import Target


def read_labels(
    name: str, column: Column, target: Target, cells: Cells
) -> tuple[pa.Array, list[RowFault]]:
    """Return the class index [n] int64 of each label, and the faults of those that have none.

    A missing label is a fault unless its row is dropped. Its index has no meaning then.
    """
    numbers = column.dtype in ("int64", "float64")
    indices, faults = class_indices(cells.texts, target, name, numbers=numbers)
    missing = {*cells.missing_rows()}
    faults = [fault for fault in faults if fault.row not in missing]
    if column.missing == "drop":
        return indices, faults
    expected = f"one of {listed(target.labels())}"
    fix = f'correct the file, or set columns.{name}.missing = "drop" in the recipe'
    for row in missing:
        facts = {"expected": expected, "found": cells.found(row), "fix": fix}
        faults.append(RowFault(row, name, UnknownClassError, **facts))
    return indices, faults
