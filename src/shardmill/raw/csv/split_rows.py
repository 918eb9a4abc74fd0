"""Splits the rows of CSV text in any dialect into fields, with Python's csv."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from shardmill.raw.csv.row_pattern import row_pattern
from shardmill.recipe.csv_options import WHITESPACE, Csv


def split_rows(rows: Sequence[bytes], options: Csv) -> Iterator[list[str]]:
    r"""Yield the fields of each row.

    Args:
        rows: Rows in UTF-8 without the ends of their lines. None is blank, and all quotes are
            closed; see `CsvRows`.
        options: The dialect.

    Example:
        >>> list(split_rows([b"1,'a, b'", b"2,c\\,d"], Csv(quote="'", escape="\\")))
        [['1', 'a, b'], ['2', 'c,d']]
    """
    delimiter = options.delimiter
    # An escaped newline at the end of a row does not end it, so each row has one that does.
    texts: Iterable[str] = (f"{row.decode()}\n" for row in rows)
    if len(delimiter) > 1:
        # Python's csv takes one character alone, so a character that is in no row stands in.
        delimiter = next(sign for sign in _private_use() if not _occurs(sign, rows))
        texts = (f"{delimiter.join(_raw_fields(row, options))}\n" for row in rows)
    return _read(texts, delimiter, options)


def _read(texts: Iterable[str], delimiter: str, options: Csv) -> Iterator[list[str]]:
    quotes: dict[str, Any] = {"quoting": csv.QUOTE_NONE}
    if options.quote:
        quotes = {"quotechar": options.quote, "doublequote": True}
    # The limit holds for the whole process, so it is put back.
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield from csv.reader(
            texts,
            delimiter=delimiter,
            escapechar=options.escape or None,
            skipinitialspace=options.skip_space,
            **quotes,
        )
    finally:
        csv.field_size_limit(limit)


def _private_use() -> Iterator[str]:
    # Unicode 15, section 23.5: characters that no standard gives a meaning.
    return map(chr, chain(range(0xE000, 0xF900), range(0xF0000, 0xFFFFE)))


def _occurs(sign: str, rows: Iterable[bytes]) -> bool:
    return any(sign.encode() in row for row in rows)


def _raw_fields(row: bytes, options: Csv) -> Iterator[str]:
    """Yield the fields of a row with their quotes and escapes."""
    by_space = options.delimiter == WHITESPACE
    for found in row_pattern(options).field.finditer(row):
        yield found[1].decode()
        # After a delimiter there is one more field, but none after white space at the end.
        if found.end() == len(row) if by_space else not found[2]:
            break
