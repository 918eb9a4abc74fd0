"""The dtypes of the fields of a table: those of the recipe, or the smallest that are safe."""

from collections.abc import Collection, Mapping

import numpy as np

from shardmill.errors import ValueFormatError
from shardmill.format.layout import DTypeName
from shardmill.format.manifest import Statistics
from shardmill.kinds.row import RowFault
from shardmill.recipe.tabular_column import Column

_WHOLE: tuple[DTypeName, ...] = ("uint8", "int8", "int16", "int32", "int64")
_LARGEST_YEAR, _LARGEST_PART = 9999, 366


def group_dtype(
    stated: DTypeName | None, columns: Mapping[str, tuple[Column, Statistics]]
) -> DTypeName:
    """Return the stated dtype, or else the smallest integer dtype that surely holds all numbers.

    If the numbers may not be whole, or if their range is not known, that is float32.

    Raises:
        RowFault: The dtype cannot hold the numbers of a column, or the number that is filled in.
    """
    ranges = {name: _range(column, facts) for name, (column, facts) in columns.items()}
    dtype = _smallest(ranges.values()) if stated is None else stated
    for name, (column, facts) in columns.items():
        # The numbers of the file were checked when they were read. A number to fill in was not.
        numbers = ranges[name]
        changes = bool(column.parts) or facts.divisor is not None
        fill = None if changes or isinstance(facts.fill, str) else facts.fill
        if numbers is not None and not _holds(dtype, *numbers):
            raise _too_large(name, dtype, f"numbers from {numbers[0]:,} to {numbers[1]:,}")
        if numbers is None and fill is not None and not _holds(dtype, fill, fill):
            raise _too_large(name, dtype, f"{fill} in place of missing values")
    return dtype


def class_dtype(classes: int) -> DTypeName:
    """Return the smallest integer dtype that holds the index of each of so many classes."""
    return _smallest([(0, classes - 1)])


def _smallest(ranges: Collection[tuple[int, int] | None]) -> DTypeName:
    known = [numbers for numbers in ranges if numbers is not None]
    if len(known) < len(ranges):
        return "float32"
    low, high = min(n[0] for n in known), max(n[1] for n in known)
    return next(dtype for dtype in _WHOLE if _holds(dtype, low, high))


def _too_large(name: str, dtype: DTypeName, found: str) -> RowFault:
    return RowFault(
        0,
        name,
        ValueFormatError,
        expected=f"numbers that {dtype} can hold",
        found=found,
        fix=f"state a wider dtype in groups of the recipe, or correct columns.{name}",
    )


def _range(column: Column, facts: Statistics) -> tuple[int, int] | None:
    """Return the smallest and the largest number that a column can have; None if unknown."""
    if facts.categories is not None:
        return 0, 1 if column.encode == "one_hot" else max(len(facts.categories) - 1, 0)
    if not column.is_whole() or column.dtype == "int64":
        return None
    if column.map is not None:
        return min(column.map.values()), max(column.map.values())
    if column.parts:
        return 0, _LARGEST_YEAR if "year" in column.parts else _LARGEST_PART
    return 0, 1


def _holds(dtype: DTypeName, low: float, high: float) -> bool:
    if dtype == "bool":
        return low >= 0 and high <= 1
    if dtype.startswith("float"):
        largest = float(np.finfo(dtype).max)
        return -largest <= low and high <= largest
    limits = np.iinfo(dtype)
    return limits.min <= low and high <= limits.max
