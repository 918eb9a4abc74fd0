"""How the CSV files of a recipe are written."""

import codecs
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from shardmill.recipe.number_format import DecimalMark, ThousandsMark
from shardmill.strict import Strict


def _known_encoding(name: str) -> str:
    try:
        "a".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ValueError("must be an encoding of text that Python knows") from None


class Csv(Strict):
    """How to read the CSV files: RFC 4180 quotes, newlines allowed inside them.

    A quote inside an unquoted field is text, and so is every backslash. Blank lines are no rows.

    Attributes:
        header: Whether the first row names the columns.
        delimiter: The delimiter between fields, one ASCII character.
        missing: The spellings of a missing cell in tables. An empty cell always is missing.
        decimal: The decimal mark of numbers in tables, where a column does not state its own.
        thousands: The mark between groups of three digits in tables, likewise.
        encoding: The encoding of the files, by Python's name for it.
        on_bad_row: What happens to a bad row: the build fails, or the row is left out and kept in
            quarantine. A row is bad if it has another number of fields, bytes that are not UTF-8,
            a quote that closes before its field ends, a cell that cannot be read or is missing
            although it must not be, or an unknown class or category. A quote that is never closed
            and bytes that are not in a given encoding always fail.
        max_bad_rows: The share of bad rows in a split above which a build fails nevertheless.
    """

    header: bool = True
    delimiter: Annotated[str, Field(pattern=r"^[\t !#-~]$")] = ","
    missing: tuple[str, ...] = ("",)
    decimal: DecimalMark = "."
    thousands: ThousandsMark = ""
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    on_bad_row: Literal["fail", "quarantine"] = "fail"
    max_bad_rows: Annotated[float, Field(ge=0, le=1)] = 0.01

    @model_validator(mode="after")
    def _limit_has_a_use(self) -> Self:
        if "max_bad_rows" in self.model_fields_set and self.on_bad_row == "fail":
            raise ValueError('max_bad_rows: needs on_bad_row = "quarantine"')
        return self
