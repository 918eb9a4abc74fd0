"""What the tests of kinds share."""

from collections.abc import Sequence

import pyarrow as pa

from shardmill.recipe.tabular_column import Column, Missing

Cells = Sequence[str | None]


def string_table(**columns: Cells) -> pa.Table:
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def number(missing: Missing = "error") -> Column:
    return Column(dtype="float64", missing=missing)
