"""One column of a table: how its cells are read, and how they become features."""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shardmill.faults import closest
from shardmill.recipe.names import Count, Names, distinct
from shardmill.recipe.number_format import Affix, DecimalMark, ThousandsMark
from shardmill.strict import Strict

DType = Literal["int64", "float64", "str", "bool", "date", "timestamp", "text"]
Missing = Literal["error", "drop", "keep", "median", "mean", "mode", "constant"]
Part = Literal["year", "month", "day", "weekday", "yearday", "hour", "minute", "second"]
Scale = Literal["none", "standardise", "min_max"]
Scalar = bool | int | float | str

TRUE = ("true", "yes", "y", "t", "1")
FALSE = ("false", "no", "n", "f", "0")
# The levels that may stand before the categories of a column.
UNKNOWN, MISSING = "<unknown>", "<missing>"
# The cleaned rows do not depend on these keys.
ENCODING_KEYS = frozenset({"encode", "fill", "max_categories", "min_freq", "parts"})
_INT64 = range(-(2**63), 2**63)
Int64 = Annotated[int, Field(ge=_INT64[0], le=_INT64[-1])]


def _check_categories(value: Any) -> Any:
    is_list = isinstance(value, list | tuple) and bool(value)
    if value not in (None, "learn") and not (is_list and all(isinstance(v, str) for v in value)):
        raise ValueError('must be "learn" or a list of texts')
    if not isinstance(value, list | tuple):
        return value
    if reserved := [v for v in value if v in (UNKNOWN, MISSING)]:
        raise ValueError(f"{reserved[0]} is no category; see unseen and missing")
    return distinct(tuple(value))


def _check_fill(value: Any) -> Any:
    if value is not None and not isinstance(value, Scalar):
        raise ValueError("must be a number, a text, true or false")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be finite")
    if isinstance(value, int) and value not in _INT64:
        raise ValueError("must be an integer of 64 bits, or written as a float")
    return value


class Column(Strict):
    """One column of a tabular CSV file.

    Attributes:
        dtype: How the cells are read. A date becomes the number of days since 1970-01-01, and a
            timestamp the number of seconds since 1970-01-01 00:00 UTC. A time without an offset is
            taken to be in `timezone`, or else in UTC. A text becomes the ids of its tokens, a field
            `x.<column>` of its own.
        drop: Whether to leave the column out of the artifact.
        strip: Whether texts are taken without white space around them. Cells of another dtype
            always are.
        missing_values: Spellings of a missing cell, beside those that `Csv.missing` gives to all
            columns. An empty cell always is missing.
        decimal: The decimal mark of numbers; None for that of the file.
        thousands: The mark between groups of three digits of numbers, "" for none; None for that of
            the file.
        prefix: What stands before each number: a text, or a list of which one does.
        suffix: What stands after each number, likewise.
        format: How dates and timestamps are written, in the directives of `strptime`; None for
            ISO 8601.
        timezone: The zone that times without an offset are in, and that the parts of all times are
            taken in; None for UTC.
        unit: What the cells count, if they are numbers: seconds, milliseconds or microseconds since
            1970-01-01 00:00 UTC, or days as Excel counts them from 1900.
        parts: The parts to take from a date or timestamp as numbers. A weekday counts from 0 for
            Monday, a yearday from 1.
        true: The spellings of true, in upper or lower case; None for true, yes, y, t and 1.
        false: The spellings of false; None for false, no, n, f and 0.
        map: The number of each value that a cell may hold.
        categories: The values that a cell may hold, in the order of their numbers; "learn" for the
            values of the train split after imputation, sorted by text.
        min_freq: In how many rows of the train split a learnt category occurs at least.
        max_categories: How many categories are learnt at most: the most frequent ones, and among
            equally frequent ones the first by text.
        unseen: What becomes of a value that is no category: "error" makes it a fault, "unknown"
            gives it number 0, `<unknown>`. If nothing is given, it is unknown if categories are
            learnt, and a fault otherwise.
        encode: Whether a category becomes its number, or a feature of 0 and 1 for each category.
        missing: What becomes of an empty cell. "error" makes it a fault and "drop" drops the row.
            "keep" makes it NaN or, among categories, a level of its own, `<missing>`. "median",
            "mean" and "mode" put in that value of the train split, and "constant" puts in `fill`.
        fill: The constant for empty cells: a number, a text, true or false. It is one of the learnt
            categories, even if no value of the train split is missing.
        scale: "standardise" subtracts the mean and divides by the standard deviation; "min_max"
            brings the numbers of the train split into 0 to 1. If the train split has only one
            value, it becomes 0.
    """

    dtype: DType
    drop: bool = False
    strip: bool = True
    missing_values: Names | None = None
    decimal: DecimalMark | None = None
    thousands: ThousandsMark | None = None
    prefix: Affix | None = None
    suffix: Affix | None = None
    format: str | None = None
    timezone: str | None = None
    unit: Literal["s", "ms", "us", "excel"] | None = None
    parts: Annotated[tuple[Part, ...], AfterValidator(distinct)] = ()
    true: Names | None = None
    false: Names | None = None
    map: Annotated[dict[str, Int64], Field(min_length=1)] | None = None
    categories: Annotated[
        Literal["learn"] | tuple[str, ...] | None, BeforeValidator(_check_categories)
    ] = None
    min_freq: Count = 1
    max_categories: Count | None = None
    unseen: Literal["error", "unknown"] | None = None
    encode: Literal["index", "one_hot"] = "index"
    missing: Missing = "error"
    fill: Annotated[Scalar | None, BeforeValidator(_check_fill)] = None
    scale: Scale = "none"

    def said(self) -> frozenset[str]:
        """Return the keys that do not have their default."""
        fields = type(self).model_fields
        return frozenset(n for n, field in fields.items() if getattr(self, n) != field.default)

    def missing_cells(self, common: tuple[str, ...]) -> tuple[str, ...]:
        """Return the spellings of a missing cell: empty, those `common` to all columns, its own."""
        return ("", *common, *(self.missing_values or ()))

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels before the categories: one for unknown values, and one for missing ones."""
        unseen = self.unseen or ("unknown" if self.categories == "learn" else "error")
        levels = (UNKNOWN,) if unseen == "unknown" else ()
        return (*levels, MISSING) if self.missing == "keep" else levels

    def spellings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the spellings of true and of false, as the recipe has them."""
        return self.true or TRUE, self.false or FALSE

    def reads_numbers(self) -> bool:
        """Say whether the cells are numbers."""
        return self.dtype in ("int64", "float64") or self.unit is not None

    def is_whole(self) -> bool:
        """Say whether all numbers that the column gives to `x` are whole."""
        if self.categories is not None:
            return True
        if self.missing in ("keep", "mean", "median") or self.scale != "none":
            return False
        if self.missing == "constant" and isinstance(self.fill, float):
            return False
        return self.dtype in ("int64", "str", "bool") or bool(self.parts)


def close_match(name: str, known: Iterable[str]) -> str:
    """Return a hint at the name that was probably meant; empty if none is close."""
    close = closest(name, known)
    return "" if close is None else f", did you mean {close}?"
