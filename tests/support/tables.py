"""What the tests of tabular share."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pyarrow as pa
from cells import Cells
from fit_rows import fit_rows
from one_column import one_column

from shardmill.format.layout import Field
from shardmill.format.manifest import Statistics
from shardmill.kinds import tabular
from shardmill.kinds.row import Fitted, RowFault
from shardmill.recipe.tabular_recipe import TabularRecipe

NAN = math.nan


def table_of(**columns: Cells) -> pa.Table:
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def fit_chunks(recipe: TabularRecipe, table: pa.Table, borders: Sequence[int] = ()) -> Fitted:
    ends = [0, *sorted(borders), len(table)]
    chunks = [table.slice(a, b - a) for a, b in pairwise(ends)]
    return fit_rows(recipe, chunks)


def through(
    column: str, train: Cells, test: Cells | None = None
) -> tuple[tuple[str, ...], dict[str, Statistics], list[list[float]]]:
    """Return features, statistics and the encoded rows of one column."""
    recipe = one_column(column)
    cleaned = tabular.clean(recipe, table_of(c=train), labelled=False)
    assert cleaned.faults == ()
    fitted = fit_chunks(recipe, cleaned.table)
    rows = tabular.clean(recipe, table_of(c=train if test is None else test), labelled=False)
    x = tabular.encode_prepared(recipe, fitted, rows.table)["x"]
    assert (x.dtype, x.shape) == (np.dtype(np.float32), (len(rows.table), len(fitted.features)))
    assert fitted.inputs == (Field.input("float32", (len(fitted.features),)),)
    return fitted.features, dict(fitted.statistics), x.tolist()


@contextmanager
def faults_at_their_row() -> Iterator[None]:
    """Make errors of faults, as the callers of a kind do."""
    try:
        yield
    except RowFault as fault:
        raise fault.at(f"row {fault.row}") from None
