r"""The grammar of CSV rows in any dialect, as regular expressions over bytes.

A quote opens a field only at the start of the field. Inside the field, two quotes in a row stand
for one. A quote anywhere else is literal. Rows end at LF, CR or CRLF outside quotes. Python's csv
and Arrow follow the same rules. An escape takes the character after it as it is, inside quotes and
outside.

Python and Arrow also take text after a closing quote. Here such a row is bad, and so is one with a
quote that is open at the end of the file: most likely quotes are text in this file or have an
escape before them, or one was not closed and swallowed the rows after it. Only the first line of
such a row is bad. After it a row begins again.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from shardmill.recipe.csv_options import WHITESPACE, Csv

RowKind = Literal["row", "comment", "open", "bad"]
_LINE = r"[^\r\n]*+"
_LINE_END = r"(?>\r\n?|\n|\Z)"
# A CR at the end of a block may have its LF in the next one.
_SURE_LINE_END = r"(?>\r\n|\r(?!\n|\Z)|\n)"
_NEVER = "(?!)"


@dataclass(frozen=True, slots=True)
class RowPattern:
    """The regular expressions of a dialect.

    Attributes:
        row: Matches one row, with the end of its line if there is one. The text must be whole. The
            group that matched is named by a `RowKind` and does not hold the end of the line. The
            group `open` is a row from its start to the end of the text, since the quote in the
            group `quote` is not closed. The group `bad` is the first line of another row with a
            quote that was not closed.
        sure: Matches one row with the end of its line, if it surely ends there whatever comes after
            the text.
        all_sure: Matches as many such rows as follow each other.
        field: Matches one field (group 1) and the delimiter after it (group 2). The group 2 is
            empty, or white space, after the last field of a row.
    """

    row: re.Pattern[bytes]
    sure: re.Pattern[bytes]
    all_sure: re.Pattern[bytes]
    field: re.Pattern[bytes]


@lru_cache(maxsize=32)
def row_pattern(options: Csv) -> RowPattern:
    r"""Return the regular expressions of a dialect.

    Example:
        >>> pattern = row_pattern(Csv(comment="#"))
        >>> text = b'# a note\n1,"a\nb"\n'
        >>> [found.lastgroup for found in pattern.row.finditer(text)]
        ['comment', 'row']
    """
    grammar = _Grammar.of(options)
    row, comment, is_open = grammar.row(), grammar.comment(), grammar.open_row()
    whole = (
        rf"(?!\Z)(?:(?P<comment>{comment}){_LINE_END}|(?P<row>{row}){_LINE_END}"
        rf"|(?P<open>{is_open})|(?P<bad>{_LINE}){_LINE_END})"
    )
    undecided = f"{is_open}|{row}{grammar.escape_sign}\r?\\Z|{grammar.begun_row()}"
    undecided = undecided.replace("?P<quote>", "?:")
    sure = f"(?:(?:{comment}|{row}){_SURE_LINE_END}|(?!{undecided}){_LINE}{_SURE_LINE_END})"
    last = rf"{grammar.blank}\Z"
    field = f"{grammar.blank}({grammar.field()})({last}|{grammar.delimiter}|)"
    patterns = (whole, sure, f"{sure}*+", field)
    return RowPattern(*(re.compile(pattern.encode("latin-1")) for pattern in patterns))


@dataclass(frozen=True, slots=True)
class _Grammar:
    """The parts of the grammar. Each character of a pattern is one byte of UTF-8.

    Attributes:
        quote: The quote; empty without one.
        escape: The escape; empty without one.
        delimiter: What is between fields.
        stop: The characters that end literal text or may do so: the first of the delimiter.
        begun: The first characters of a delimiter of several, at the end of the text.
        blank: The white space around a row that means nothing.
        space: The white space before a field that means nothing.
        comment_sign: What a comment begins with; empty without comments.
    """

    quote: str
    escape: str
    delimiter: str
    stop: str
    begun: str
    blank: str
    space: str
    comment_sign: str

    @classmethod
    def of(cls, options: Csv) -> "_Grammar":
        by_space = options.delimiter == WHITESPACE
        delimiter = _as_bytes(options.delimiter)
        begun = [re.escape(delimiter[:k]) for k in range(1, len(delimiter))]
        return cls(
            quote=re.escape(options.quote),
            escape=re.escape(options.escape),
            delimiter=r"[ \t]++" if by_space else re.escape(delimiter),
            stop=r" \t" if by_space else re.escape(delimiter[0]),
            begun="" if by_space else "|".join(begun),
            blank=r"[ \t]*+" if by_space else "",
            space=" *+" if options.skip_space else "",
            comment_sign=re.escape(_as_bytes(options.comment)),
        )

    @property
    def escaped(self) -> str:
        """One character after an escape."""
        return rf"|{self.escape}[\s\S]" if self.escape else ""

    @property
    def escape_sign(self) -> str:
        """An escape that may be there."""
        return f"(?:{self.escape})?" if self.escape else ""

    def row(self) -> str:
        fields = f"{self.field()}(?:{self.delimiter}{self.field()})*+"
        return f"{self.blank}(?:{fields})?+{self.blank}" if self.blank else fields

    def comment(self) -> str:
        return f"{self.comment_sign}{_LINE}" if self.comment_sign else _NEVER

    def open_row(self) -> str:
        """Match a row with a quote that is open at the end of the text."""
        if not self.quote:
            return _NEVER
        quoted = f"(?P<quote>{self.quote}){self.quoted()}{self.escape_sign}"
        return rf"{self.blank}(?:{self.field()}{self.delimiter})*+{self.space}{quoted}\Z"

    def begun_row(self) -> str:
        """Match a row whose last quoted field ends where the text may end inside a delimiter."""
        if not (self.quote and self.begun):
            return _NEVER
        quoted = f"{self.quote}{self.quoted()}{self.quote}(?:{self.begun})"
        return rf"(?:{self.field()}{self.delimiter})*+{self.space}{quoted}\Z"

    def field(self) -> str:
        literal = self.literal()
        if not self.quote:
            return f"{self.space}{literal}"
        whole = f"{self.quote}{self.quoted()}{self.quote}(?={self.border()})"
        return f"{self.space}(?>{whole}|(?!{self.quote}){literal})"

    def literal(self) -> str:
        """Match the text of a field outside quotes. Between white space, there is some."""
        stop, several = f"[^{self.stop}\\r\\n{self.escape}]++", "++" if self.blank else "*+"
        # The first character of a delimiter of several is text if the others do not follow.
        begun = f"|(?!{self.delimiter}){self.stop}" if self.begun else ""
        return f"(?:{stop}{begun}{self.escaped}){several}"

    def quoted(self) -> str:
        """Match the text between quotes."""
        return f"(?:[^{self.quote}{self.escape}]++|{self.quote * 2}{self.escaped})*+"

    def border(self) -> str:
        """Match the end of a field, in front of which its quote closes."""
        begun = f"|(?:{self.begun})\\Z" if self.begun else ""
        return rf"{self.delimiter}|[\r\n]|\Z{begun}"


def _as_bytes(text: str) -> str:
    """Return a text in which each character stands for one byte of the text in UTF-8."""
    return text.encode().decode("latin-1")
