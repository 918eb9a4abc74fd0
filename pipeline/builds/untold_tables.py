"""Makes Arrow tables of rows that a program gives without a recipe, to make a recipe for them."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from shardmill.errors import EmptyFileError
from shardmill.kinds.given_arrays import as_given
from shardmill.kinds.given_rows import python_values
from shardmill.kinds.tabular_given import Speller
from shardmill.pipeline.builds.given_batches import given_batches
from shardmill.raw.row_source import SourceColumns
from shardmill.raw.tables.check_schema import check_schema
from shardmill.recipe.number_format import PLAIN_NUMBERS
from shardmill.recipe.tabular_column import Column, DType


def untold_tables(split: str, rows: Any) -> Iterator[pa.Table]:
    """Yield all columns of the rows of a split. All tables have the same columns and types.

    Numbers, bools and times of columns that have such a type keep it. All other cells are texts.
    The keys of the first 1,024 dicts are the columns of all.

    Args:
        split: The name of the split.
        rows: The rows; see `given_batches`.

    Raises:
        ColumnsError: A column is there twice, has no single values, or comes too late.
        EmptyFileError: There is no row.
        GivenRowError: A cell is no single value, or the rows are no rows.
    """
    columns: SourceColumns | None = None
    first = 0
    for batch in given_batches(rows):
        columns = columns or SourceColumns(batch.names, tuple(dict.fromkeys(batch.names)), ())
        lacking = [name for name in columns.names if batch.may_lack and name not in batch.names]
        schema = pa.schema([(name, pa.string()) for name in (*batch.names, *lacking)])
        check_schema(schema, columns, f"the rows of {split}", others_fail=True)
        found = {name: batch.cells(name) for name in columns.wanted()}
        types = [(n, c.type if isinstance(c, pa.Array) else pa.string()) for n, c in found.items()]
        check_schema(pa.schema(types), columns, f"the rows of {split}", others_fail=True)
        yield pa.table({name: _kept(name, cells, first) for name, cells in found.items()})
        first += batch.rows
    if not first:
        raise EmptyFileError(
            f"the rows of {split}",
            expected="at least one row",
            found="none",
            fix=f"give rows, or leave {split} out",
        )


def _kept(name: str, cells: pa.Array | list[Any], first: int) -> pa.Array:
    if isinstance(cells, pa.DictionaryArray):
        cells = cells.dictionary_decode()
    dtype = _dtype(cells.type) if isinstance(cells, pa.Array) else "str"
    speller = Speller(name, Column(dtype=dtype), PLAIN_NUMBERS, frozenset(), frozenset())
    if isinstance(cells, pa.Array):
        kept = as_given(speller, cells)
        if kept is not None:
            return kept
        cells = python_values(cells.to_pylist, column=name)
    return speller.cells(cells, first=first)


def _dtype(found: pa.DataType) -> DType:
    types = pa.types
    if types.is_floating(found) or types.is_decimal(found):
        return "float64"
    if types.is_integer(found):
        return "int64"
    if types.is_boolean(found):
        return "bool"
    if types.is_date(found):
        return "date"
    return "timestamp" if types.is_timestamp(found) else "str"
