"""Counts what the cells of a column are, chunk by chunk, in bounded memory."""

import re
from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from shardmill.pipeline.infer.time_forms import TIME_FORMS
from shardmill.raw.spell_values import texts_without_null, without_nan
from shardmill.text.html_tags import TAG

# Beyond so many distinct values a column is no closed set of categories or classes.
MOST_VALUES = 10_000
# So many texts say what the others are like.
_TEXTS = 10_000
# The usual spellings of a missing cell, in lower case.
_MISSING = ["", "na", "n/a", "#n/a", "nan", "null", "none", "?", "-", "--", ".", "nil", "missing"]
_MISSING += ["\\n"]  # of MySQL and Hive
MISSING = frozenset(_MISSING)

_MOST_ODD = 0.01  # the share of bad rows that a recipe allows by default
_FLOAT = r"(?:\d+\.?\d*|\.\d+)"
PATTERNS = {
    "int": r"[-+]?\d{1,18}",
    "float": rf"[-+]?{_FLOAT}(?:[eE][-+]?\d+)?",
    "decimal_comma": r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?",
    "thousands": r"[-+]?\d{1,3}(?:,\d{3})*(?:\.\d+)?",
    "percent": rf"[-+]?{_FLOAT}\s*%",
    "currency": r"[-+]?[$€£¥]\s*(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?",
    "date": r"\d{4}-\d\d-\d\d",
    "timestamp": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?",
    "seconds": r"1[0-9]{9}",  # since 1970, from 2001 to 2033
    **TIME_FORMS,
}
_FIRST = 100  # so many texts rule out nearly all patterns
_NO_SPACES = "[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]"  # Japanese, Chinese, Thai


@dataclass(slots=True)
class ColumnFacts:
    """What is known of a column.

    Attributes:
        name: The name of the column.
        rows: How many cells there are.
        missing: How often each spelling of a missing cell occurs.
        values: How often each other value occurs; no more than `MOST_VALUES` are counted.
        is_closed: Whether `values` has them all.
        matching: The patterns that all cells match, missing ones aside.
        numbers: How many cells match the pattern `float`.
        odd: The first cell that does not.
        has_zeros: Whether a cell has zeros before its digits, as in 007.
        texts: How many cells were looked at for what follows.
        words: How many words these have.
        tags: How many of them have tags of HTML.
        scripts: How many have letters of a script that is written without spaces.
        first: The first cell, if it is a whole number.
        is_rising: Whether all cells are whole numbers, each one more than the one before.
        last: The last cell, if `is_rising`.
        arrow_type: The type of the column if the file says it; else None.
    """

    name: str
    rows: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    is_closed: bool = True
    matching: frozenset[str] = frozenset(PATTERNS)
    numbers: int = 0
    odd: str | None = None
    has_zeros: bool = False
    texts: int = 0
    words: int = 0
    tags: int = 0
    scripts: int = 0
    first: int | None = None
    is_rising: bool = True
    last: int | None = None
    arrow_type: pa.DataType | None = None

    @property
    def known(self) -> int:
        """How many cells are not missing."""
        return self.rows - self.missing.total()

    def all_are(self, pattern: str) -> bool:
        """Say whether all cells that are not missing match a pattern, by its name."""
        return self.known > 0 and pattern in self.matching

    def odd_cells(self) -> int:
        """Return how many cells are no numbers, if nearly all others are; else 0."""
        odd = self.known - self.numbers
        return odd if 0 < odd <= _MOST_ODD * self.known and not self.has_zeros else 0

    def add(self, column: pa.ChunkedArray) -> None:
        """Count the cells [n] of a chunk."""
        if not pa.types.is_string(column.type):
            self.arrow_type = column.type
        if self._is_open_number(column):
            self._add_numbers(column)
            return
        self.rows += len(column)
        found = column.combine_chunks().value_counts()
        texts = pc.utf8_trim_whitespace(texts_without_null(found.field("values")))
        counts = found.field("counts")
        is_missing = pc.is_in(pc.utf8_lower(texts), value_set=pa.array(_MISSING))
        self.missing += _counter(texts.filter(is_missing), counts.filter(is_missing))
        there = pc.invert(is_missing)
        self._add_values(texts.filter(there), counts.filter(there))
        if self.is_rising:
            self._look_at_order(texts_without_null(column))

    def _is_open_number(self, column: pa.ChunkedArray) -> bool:
        types = pa.types
        is_number = types.is_floating(column.type) or types.is_integer(column.type)
        return is_number and not self.is_closed and not self.is_rising

    def _add_numbers(self, column: pa.ChunkedArray) -> None:
        # Nothing is left to find out of numbers that the file says to be such.
        self.rows += len(column)
        self.missing[""] += sum(without_nan(chunk).null_count for chunk in column.chunks)
        self.numbers = self.known
        if not pa.types.is_integer(column.type):
            self.matching -= {"int"}

    def _add_values(self, texts: pa.Array, counts: pa.Array) -> None:
        if not len(texts):
            return
        are_numbers = pc.match_substring_regex(texts, f"^(?:{PATTERNS['float']})$")
        self.numbers += pc.sum(counts.filter(are_numbers)).as_py() or 0
        others = texts.filter(pc.invert(are_numbers))
        self.odd = others[0].as_py() if self.odd is None and len(others) else self.odd
        for some in (texts[:_FIRST], texts):
            self.matching = frozenset(name for name in self.matching if _all_match(some, name))
        self.has_zeros |= pc.any(pc.match_substring_regex(texts, r"^[-+]?0\d+$")).as_py()
        if self.is_closed:
            self.values += _counter(texts, counts)
            self.is_closed = len(self.values) <= MOST_VALUES
            self.values = Counter(dict(self.values.most_common(MOST_VALUES)))
        for text in texts[: max(_TEXTS - self.texts, 0)].to_pylist():
            self.texts += 1
            self.words += len(text.split())
            self.tags += re.search(TAG, text) is not None
            self.scripts += re.search(_NO_SPACES, text) is not None

    def _look_at_order(self, cells: pa.Array) -> None:
        for cell in cells.to_pylist():
            number = int(cell) if re.fullmatch(r"\s*\d{1,18}\s*", cell) else None
            self.first = number if self.first is None else self.first
            if number is None or (self.last is not None and number != self.last + 1):
                self.is_rising = False
                return
            self.last = number

    def with_others(self, other: "ColumnFacts") -> "ColumnFacts":
        """Return the facts of the cells of both, those of `other` after these."""
        values = self.values + other.values
        return ColumnFacts(
            self.name,
            self.rows + other.rows,
            self.missing + other.missing,
            values,
            is_closed=self.is_closed and other.is_closed and len(values) <= MOST_VALUES,
            matching=self.matching & other.matching,
            numbers=self.numbers + other.numbers,
            odd=self.odd if self.odd is not None else other.odd,
            has_zeros=self.has_zeros or other.has_zeros,
            texts=self.texts + other.texts,
            words=self.words + other.words,
            tags=self.tags + other.tags,
            scripts=self.scripts + other.scripts,
            first=self.first,
            is_rising=self.is_rising and other.is_rising,
            last=other.last,
            arrow_type=self.arrow_type or other.arrow_type,
        )


def _all_match(texts: pa.Array, name: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, f"^(?:{PATTERNS[name]})$")).as_py())


def _counter(texts: pa.Array, counts: pa.Array) -> Counter[str]:
    # Texts that differ in the white space around them are one.
    found: Counter[str] = Counter()
    for text, count in zip(texts.to_pylist(), counts.to_pylist(), strict=True):
        found[text] += count
    return found
