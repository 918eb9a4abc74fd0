"""Reads the cells of CSV files into typed columns, and notes the cells that cannot be read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardmill.errors import InputError, UnknownCategoryError, ValueFormatError
from shardmill.format.arrow_arrays import filled_array, numpy_array, string_array
from shardmill.format.layout import DTypeName
from shardmill.kinds.cells import Cells
from shardmill.kinds.keys_for_cells import is_hexadecimal, keys_for_number, keys_for_time
from shardmill.kinds.read_numbers import read_numbers
from shardmill.kinds.row import RowFault
from shardmill.recipe.names import listed
from shardmill.recipe.number_format import PLAIN_NUMBERS, NumberFormat
from shardmill.recipe.tabular_column import Column

ARROW_TYPES = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "str": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),  # in UTC
}


@dataclass(slots=True)
class CellReader:
    """Reads the cells of one column.

    Attributes:
        name: The name of the column.
        column: The column as the recipe describes it.
        dtype: The dtype in which its numbers will be stored, if the recipe states one.
        numbers: How its numbers are written.
        faults: One fault for each cell so far that cannot be read.
    """

    name: str
    column: Column
    dtype: DTypeName = "float32"
    numbers: NumberFormat = PLAIN_NUMBERS
    faults: list[RowFault] = field(default_factory=list)

    def read(self, cells: Cells) -> pa.Array:
        """Return the cells [n] in the Arrow type of the column. Missing and bad cells are null."""
        column = self.column
        if column.missing == "error" and cells.texts.null_count:
            expected = f"a value of {column.dtype}"
            rows = cells.missing_rows()
            self._add(ValueFormatError, expected, cells, rows, how=lambda _: "missing")
        if column.dtype == "str":
            self._check_categories(cells)
            return cells.texts
        if column.dtype == "bool":
            return self._bools(cells)
        if column.dtype in ("date", "timestamp"):
            return self._times(cells)
        return self._numbers(cells, "int64" if column.dtype == "int64" else "float64")

    def _check_categories(self, cells: Cells) -> None:
        texts = cells.texts
        known = self.column.map or self.column.categories
        if known is None or known == "learn" or "<unknown>" in self.column.levels:
            return
        found = pc.or_(texts.is_null(), pc.is_in(texts, value_set=string_array(tuple(known))))
        if not pc.all(found).as_py():
            expected = f"one of {listed(known)}"
            self._add(UnknownCategoryError, expected, cells, _places(pc.invert(found)))

    def _bools(self, cells: Cells) -> pa.Array:
        texts = cells.texts
        if pa.types.is_boolean(texts.type):
            return texts
        true, false = self.column.spellings()
        distinct = texts.dictionary_encode()
        values = _bools_of(distinct.dictionary, true, false).take(distinct.indices)
        if values.null_count > texts.null_count:
            unknown = _places(pc.and_(pc.is_null(values), pc.is_valid(texts)))
            self._add(ValueFormatError, f"one of {listed(true + false)}", cells, unknown)
        return values

    def _times(self, cells: Cells) -> pa.Array:
        from shardmill.kinds.read_times import read_times  # imports pandas

        times = read_times(cells.texts, self.column, self.numbers)
        for expected, rows in times.unread.items():
            self._add(ValueFormatError, expected, cells, rows, how=self._keys_for_time)
        return times.array(self.column.dtype)

    def _numbers(self, cells: Cells, dtype: Literal["int64", "float64"]) -> pa.Array:
        expected = f"a finite {dtype}"
        is_text = pa.types.is_string(cells.texts.type)
        numbers = read_numbers(cells.texts, dtype, self.numbers) if is_text else cells.texts
        if numbers.null_count > cells.texts.null_count:
            unread = _places(pc.and_(pc.is_null(numbers), pc.is_valid(cells.texts)))
            hexadecimal = [r for r in unread if is_hexadecimal(cells.texts[r].as_py())]
            decimal = f"{expected} in decimal digits"
            self._add(ValueFormatError, decimal, cells, hexadecimal)
            others = sorted({*unread} - {*hexadecimal})
            self._add(ValueFormatError, expected, cells, others, how=self._keys_for_number)
        if _all_within(numbers, self.dtype):
            return numbers
        values = numpy_array(filled_array(numbers, 0))
        with np.errstate(over="ignore"):  # a number that is too large becomes infinite
            if self.dtype.startswith("float"):
                outside = ~np.isfinite(values.astype(self.dtype))
            elif dtype == "int64" and self.column.categories is None:
                outside = values != values.astype(self.dtype).astype(np.int64)
            else:
                outside = np.zeros(len(values), bool)
        if outside.any():
            finite = outside & np.isfinite(values)
            stored = f"{expected} that {self.dtype} can hold"
            self._add(ValueFormatError, stored, cells, np.flatnonzero(finite).tolist())
            rows = np.flatnonzero(outside & ~finite).tolist()
            self._add(ValueFormatError, expected, cells, rows, how=self._keys_for_number)
        return numbers

    def _keys_for_number(self, text: str) -> str:
        return keys_for_number(text, self.numbers)

    def _keys_for_time(self, text: str) -> str:
        return keys_for_time(text, self.column)

    def _add(
        self,
        error: type[InputError],
        expected: str,
        cells: Cells,
        rows: Sequence[int],
        *,
        how: Callable[[str], str] = lambda _: "",
    ) -> None:
        for row in rows:
            # What to do about it: a key of the recipe that would take the cell, if there is one.
            key = how(str(cells.texts[row]) if cells.texts[row].is_valid else "")
            fix = f"correct the file, or {self._path(key)}"
            facts = {"expected": expected, "found": cells.found(row), "fix": fix}
            self.faults.append(RowFault(row, self.name, error, **facts))

    def _path(self, keys: str) -> str:
        if not keys:
            return f"columns.{self.name} of the recipe"
        paths = (f"columns.{self.name}.{key}" for key in keys.split())
        return f"set {' or '.join(paths)} in the recipe"


def _bools_of(texts: pa.Array, true: Sequence[str], false: Sequence[str]) -> pa.Array:
    """Return what texts [n] say; null for one that is spelt neither as true nor as false."""
    # A spelling exactly as the recipe has it is always taken. Others are compared in the lower
    # case of Arrow on both sides, which is not Python's for every letter.
    spelt, sides = pc.utf8_lower(texts), [string_array(true), string_array(false)]
    is_true, is_false = (pc.is_in(texts, value_set=side) for side in sides)
    likely = [pc.is_in(spelt, value_set=pc.utf8_lower(side)) for side in sides]
    values = pc.or_(is_true, pc.and_not(likely[0], is_false))
    known = pc.or_(pc.or_(values, is_false), likely[1])
    return pc.if_else(known, values, pa.nulls(1, pa.bool_())[0])


def _all_within(numbers: pa.Array, dtype: DTypeName) -> bool:
    """Say whether numbers [n] surely fit a dtype. It may be denied of those that fit just so."""
    is_float = dtype.startswith("float")
    if not len(numbers) or dtype == "bool" or (numbers.type == pa.float64() and not is_float):
        return not len(numbers)
    # What stands under a null counts as well. That is 0, and no harm is done if it is not.
    kind, start = np.dtype(numbers.type.to_pandas_dtype()), numbers.offset
    values = np.frombuffer(numbers.buffers()[1], kind, len(numbers), start * kind.itemsize)
    limits = np.finfo(dtype) if is_float else np.iinfo(dtype)
    return bool(limits.min <= values.min() and values.max() <= limits.max)  # NaN is not within


def _places(marked: pa.Array) -> list[int]:
    places: list[int] = np.flatnonzero(numpy_array(filled_array(marked, False))).tolist()
    return places
