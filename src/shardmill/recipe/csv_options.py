"""How the CSV files of a recipe are written."""

import codecs
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shardmill.recipe.number_format import DecimalMark, ThousandsMark
from shardmill.recipe.row_rules import RowRules
from shardmill.strict import Strict, spelt

WHITESPACE = "whitespace"


def _known_encoding(name: str) -> str:
    try:
        "a".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ValueError("must be an encoding of text that Python knows") from None


def _no_line_end(text: str) -> str:
    if set(text) & set("\r\n\ufeff"):
        raise ValueError("must not hold the end of a line or a byte order mark")
    return text


Delimiter = Annotated[str, Field(min_length=1, max_length=10), AfterValidator(_no_line_end)]
Sign = Annotated[str, spelt("[!-~]?", "a printable ASCII character other than the space, or empty")]
Comment = Annotated[str, Field(max_length=10), AfterValidator(_no_line_end)]
Lines = Annotated[int, Field(ge=0)]
Encoding = Annotated[str, AfterValidator(_known_encoding)]


class Dialect(Strict):
    r"""How a CSV file is written. The defaults are those of RFC 4180.

    A quote opens a field only at its start, so one inside an unquoted field is text. Two quotes in
    a quoted field stand for one. A quoted field may hold newlines. Blank lines are no rows. A first
    line `sep=` and the delimiter, which Excel writes, is skipped.

    Attributes:
        header: Whether the first row names the columns.
        delimiter: What is between fields: a character, several, or "whitespace" for any number of
            spaces and tabs.
        quote: The quote; empty if quotes are text.
        escape: The character that makes the one after it text, be it a quote, a delimiter, a
            newline or any other (so `\N` becomes N); empty if there is none.
        comment: Lines that begin with it are no rows; empty if there are no such lines.
        skip_rows: How many lines stand before the header or the first row and are no rows.
        skip_space: Whether spaces before a field, and before its quote, are left out.
        trailing_delimiter: Whether a row may end in a delimiter that has no field after it.
        encoding: The encoding of the file, by Python's name for it.
    """

    header: bool = True
    delimiter: Delimiter = ","
    quote: Sign = '"'
    escape: Sign = ""
    comment: Comment = ""
    skip_rows: Lines = 0
    skip_space: bool = False
    trailing_delimiter: bool = False
    encoding: Encoding = "utf-8"

    @property
    def is_plain(self) -> bool:
        """Whether Arrow can read the files: only the delimiter and the quote are unusual."""
        plain = len(self.delimiter) == 1 and self.delimiter.isascii()
        return plain and not (
            self.escape or self.comment or self.skip_space or self.trailing_delimiter
        )

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        signs = {"quote": self.quote, "escape": self.escape, "comment": self.comment[:1]}
        delimiter = " \t" if self.delimiter == WHITESPACE else self.delimiter
        for name, sign in signs.items():
            if sign and sign in delimiter:
                raise ValueError(f"{name}: {sign!r} is part of the delimiter")
        if self.quote and self.quote == self.escape:
            raise ValueError("escape: is the quote; two quotes stand for one without it")
        if self.comment and self.comment[0] in (self.quote, self.escape):
            raise ValueError("comment: begins with the quote or the escape")
        if self.skip_space and (self.delimiter == WHITESPACE or self.delimiter[0] == " "):
            raise ValueError("skip_space: spaces are the delimiter")
        return self


class Csv(Dialect, RowRules):
    """How to read CSV files: their dialect, and what happens to rows that are not as expected.

    Attributes:
        decimal: The decimal mark of numbers in tables, where a column does not state its own.
        thousands: The mark between groups of three digits in tables, likewise.
    """

    decimal: DecimalMark = "."
    thousands: ThousandsMark = ""

    @model_validator(mode="after")
    def _names_come_from_a_header(self) -> Self:
        if self.other_columns == "ignore" and not self.header:
            raise ValueError("other_columns: needs a header, which names the columns")
        return self
