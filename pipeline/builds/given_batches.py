"""Takes apart the rows that a program gives, some at a time: a batch has cells by column."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from shardmill.kinds.given_rows import python_values, row_error

if TYPE_CHECKING:
    import pandas as pd

BATCH_ROWS = 65_536
# Dicts take some hundred bytes for each cell.
_DICTS = 1_024
_LOOSE = "OcmV"  # the kinds of numpy's dtypes that do not say it, or that have no cell
_ROWS = "a DataFrame, an Arrow table or an iterable of dicts"


class ArrowStream(Protocol):
    """Rows that Arrow can read: a table or reader of pyarrow, or a frame of polars or DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the rows as a stream of Arrow batches."""
        ...


class FormattedRows(Protocol):
    """A data set of Hugging Face `datasets`."""

    def with_format(self, type: str) -> Any:  # noqa: A002  the name that `datasets` gives it
        """Return the same rows in another format."""
        ...

    def iter(self, batch_size: int) -> Iterator[Any]:
        """Yield batches of rows."""
        ...


@dataclass(frozen=True, slots=True)
class GivenBatch:
    """Rows that follow one another.

    Attributes:
        names: The names of their columns.
        rows: How many rows there are.
        cells: What gives the cells of a column: an Arrow array [n], or a list of n values.
        may_lack: Whether a column that is not among the names has only missing cells here.
    """

    names: tuple[str, ...]
    rows: int
    cells: Callable[[str], pa.Array | list[Any]]
    may_lack: bool = False


def given_batches(rows: Any) -> Iterator[GivenBatch]:
    """Yield rows of a program in batches of up to 65,536 rows, at least one.

    An iterable is read once, and as far as its batches are asked for.

    Args:
        rows: A DataFrame, an `ArrowStream`, `FormattedRows` or an iterable of dicts.

    Raises:
        GivenRowError: The rows are something else.
    """
    if isinstance(rows, pa.RecordBatch):
        rows = pa.Table.from_batches([rows])
    if _is_frame(rows):
        yield from _of_frame(rows)
    elif hasattr(rows, "__arrow_c_stream__"):
        yield from _of_stream(pa.RecordBatchReader.from_stream(rows))
    elif hasattr(rows, "with_format") and hasattr(rows, "iter") and not _is_transformed(rows):
        tables = rows.with_format("arrow").iter(batch_size=BATCH_ROWS)
        yield from map(_of_table, tables)
    elif isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
        raise row_error("the rows", _ROWS, type(rows).__name__)
    else:
        yield from _of_dicts(rows)


def _is_frame(rows: Any) -> bool:
    # Whoever has a DataFrame has imported pandas. Other rows need no pandas.
    return type(rows).__module__.split(".")[0] == "pandas" and hasattr(rows, "columns")


def _is_transformed(rows: Any) -> bool:
    """Say whether a function makes the rows of a data set, which another format would forget."""
    form = getattr(rows, "format", None)
    return isinstance(form, Mapping) and form.get("type") == "custom"


def _of_frame(frame: "pd.DataFrame") -> Iterator[GivenBatch]:
    names = tuple(map(str, frame.columns))
    for first in range(0, max(len(frame), 1), BATCH_ROWS):
        part = frame.iloc[first : first + BATCH_ROWS]
        yield GivenBatch(names, len(part), partial(_of_series, part))


def _of_series(frame: "pd.DataFrame", name: str) -> pa.Array | list[Any]:
    """Return a column as an Arrow array if its dtype says what its values are, else as a list."""
    import pandas as pd

    series = frame[name]
    dtype = series.dtype
    dtype = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
    loose = isinstance(dtype, pd.SparseDtype | pd.PeriodDtype | pd.IntervalDtype)
    if loose or (isinstance(dtype, np.dtype) and dtype.kind in _LOOSE):
        return python_values(series.to_list, column=name)
    array = pa.Array.from_pandas(series)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _of_stream(reader: pa.RecordBatchReader) -> Iterator[GivenBatch]:
    yield _of_table(reader.schema.empty_table())
    for batch in reader:
        table = pa.Table.from_batches([batch], reader.schema)
        for first in range(0, len(table), BATCH_ROWS):
            yield _of_table(table.slice(first, BATCH_ROWS))


def _of_table(table: pa.Table) -> GivenBatch:
    return GivenBatch(tuple(table.column_names), len(table), partial(_of_column, table))


def _of_column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _of_dicts(rows: Iterable[Any]) -> Iterator[GivenBatch]:
    remaining, first = iter(rows), 0
    while batch := list(islice(remaining, _DICTS)):
        for row, cells in enumerate(batch, start=first):
            if not isinstance(cells, Mapping):
                raise row_error(f"row {row}", "a dict of cells", type(cells).__name__)
        names = dict.fromkeys(str(name) for cells in batch for name in cells)
        yield GivenBatch(tuple(names), len(batch), partial(_of_key, batch), may_lack=True)
        first += len(batch)


def _of_key(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [cells.get(name) for cells in rows]
