r"""Finds out how a CSV file is written.

CleverCSV finds the delimiter, the quote and the escape (van den Burg, Nazábal and Sutton 2019,
https://doi.org/10.1007/s10618-019-00646-y). Of 34 messy files it found 31 right, DuckDB's sniffer
27 and Python's 21. What it does not know are delimiters of several characters or of any number of
spaces, lines that are no rows, and spaces after delimiters. These are looked for here.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shardmill.raw.csv.csv_rows import CsvRows
from shardmill.raw.csv.split_rows import split_rows
from shardmill.raw.decompress import open_raw
from shardmill.recipe.csv_options import WHITESPACE, Csv

SAMPLE_BYTES = 2**18
_SNIFFED_LINES = 200
_COMMENTS = ("#", "%", "//")
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_USUAL_NAMES = {"text", "label", "class", "target", "category", "title", "review", "sentence", "id"}
_NUMBER = re.compile(r"[-+]?[\d.,]*\d[\d.,]*%?(?:[eE][-+]?\d+)?")


def infer_dialect(path: Path) -> dict[str, Any]:
    """Return the keys of `Dialect` that are not as RFC 4180 has them.

    Args:
        path: A CSV file, which may be compressed.

    Raises:
        InputError: The file cannot be read.
    """
    with open_raw(path) as file:
        start = file.read(SAMPLE_BYTES)
        whole = not file.read(1)
    keys: dict[str, Any] = {}
    encoding = _encoding(start, whole=whole)
    if encoding != "utf-8":
        keys["encoding"] = encoding
    text = start.decode(encoding, errors="ignore").removeprefix("\ufeff")
    lines = text.splitlines()
    if not whole:
        lines = lines[:-1] or lines
    lines = lines[: 4 * _SNIFFED_LINES]
    if lines and re.fullmatch(r"sep=.", lines[0]):
        lines = lines[1:]  # it is skipped in every dialect
    keys |= _comment(lines)
    rows = [line for line in lines if line.strip() and not _is_comment(line, keys)]
    keys |= _signs(rows)
    keys |= _skipped(rows, keys)
    rows = rows[keys.get("skip_rows", 0) :]
    keys |= _ends(rows, keys)
    if not _has_header(rows, keys):
        keys["header"] = False
    return keys


def _encoding(start: bytes, *, whole: bool) -> str:
    """Return the encoding of a file that begins with some bytes."""
    for bom, name in _BOMS.items():
        if start.startswith(bom):
            return name
    try:
        start.decode()
    except UnicodeDecodeError as error:
        if not whole and error.start > len(start) - 4:
            return "utf-8"  # the sample ends inside a character
        return "cp1252" if _decodes(start, "cp1252") else "latin-1"
    return "utf-8"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _comment(lines: Sequence[str]) -> dict[str, Any]:
    """Return the sign of comments, if the file begins with one."""
    first = lines[0] if lines else ""
    signs = [sign for sign in _COMMENTS if first.startswith(sign)]
    # A header may begin with the sign, too. Then the other lines have as many fields.
    if not signs or len(lines) < 2 or _same_fields(first, lines[1]):
        return {}
    return {"comment": signs[0]}


def _same_fields(one: str, other: str) -> bool:
    return any(one.count(sign) == other.count(sign) > 0 for sign in ",;\t|")


def _is_comment(line: str, keys: dict[str, Any]) -> bool:
    return "comment" in keys and line.startswith(keys["comment"])


def _signs(rows: Sequence[str]) -> dict[str, Any]:
    """Return the delimiter, the quote and the escape."""
    from clevercsv.detect import Detector

    sample = "\n".join(rows[:_SNIFFED_LINES]) + "\n"
    found = Detector().detect(sample)
    delimiter: str = found.delimiter or "" if found is not None else ","
    if not delimiter.isascii() or delimiter.isalnum():
        delimiter = ","  # a letter of another script
    quote = found.quotechar if found is not None else ""
    keys: dict[str, Any] = {}
    if delimiter == " " and not _is_even(rows, {"delimiter": " "}, least=2):
        # Spaces are in names and times, too.
        even = [sign for sign in ",;\t|" if _is_even(rows, {"delimiter": sign}, least=2)]
        delimiter = even[0] if even else delimiter
    if delimiter in (" ", "") and _is_even(rows, {"delimiter": WHITESPACE}, least=2):
        delimiter = WHITESPACE
    elif len(delimiter) == 1 and delimiter * 2 in rows[0]:
        double = {"delimiter": delimiter * 2}
        if _is_even(rows, double, least=2):
            delimiter *= 2
    if delimiter not in (",", ""):
        keys["delimiter"] = delimiter
    text = "".join(rows)
    if quote and quote != '"':
        keys["quote"] = quote
    elif not quote and '"' in text:
        # Quotes that no field begins and ends with are text.
        keys["quote"] = ""
    if found is not None and found.escapechar and keys.get("quote") != "":
        keys["escape"] = found.escapechar
    return keys


def _skipped(rows: Sequence[str], keys: dict[str, Any]) -> dict[str, Any]:
    """Return how many lines stand before the rows: a note of one field before rows of several."""
    counts = _field_counts(rows[:20], keys)
    if len(counts) < 3:
        return {}
    usual = max(set(counts[1:]), key=counts[1:].count)
    skip = 0
    while skip < min(3, len(counts) - 2) and counts[skip] == 1 != usual:
        skip += 1
    return {"skip_rows": skip} if skip and usual > 1 else {}


def _ends(rows: Sequence[str], keys: dict[str, Any]) -> dict[str, Any]:
    """Return what stands at the ends of fields: spaces after delimiters, delimiters after rows."""
    found: dict[str, Any] = {}
    delimiter = keys.get("delimiter", ",")
    quote = keys.get("quote", '"')
    if quote and any(f"{delimiter} {quote}" in row for row in rows):
        found["skip_space"] = True
    body = rows[1:] or rows
    if delimiter != WHITESPACE and body and all(row.endswith(delimiter) for row in body):
        counts = _field_counts(rows, keys | found)
        uneven = len(counts) > 1 and counts[0] == counts[1] - 1
        if uneven or (rows[0].endswith(delimiter)):
            found["trailing_delimiter"] = True
    return found


def fields_of(rows: Sequence[str], keys: dict[str, Any]) -> list[list[str]]:
    """Return the fields of the first lines of a file, as rows; fewer if a row has several lines.

    Args:
        rows: The lines.
        keys: How they are written, as keys of a recipe.
    """
    options = Csv.model_validate({k: v for k, v in keys.items() if k != "encoding"})
    data = "\n".join(rows).encode()
    found = CsvRows.of(data, options)
    texts = [data[start:stop] for start, stop in zip(found.starts, found.stops, strict=True)]
    fields = list(split_rows(texts, options))
    if options.trailing_delimiter:
        fields = [row[:-1] if row and not row[-1] else row for row in fields]
    return [list(row) for row in fields]


def _field_counts(rows: Sequence[str], keys: dict[str, Any]) -> list[int]:
    return [len(fields) for fields in fields_of(rows, keys)]


def _is_even(rows: Sequence[str], keys: dict[str, Any], *, least: int) -> bool:
    """Say whether all rows have the same number of fields, `least` or more."""
    counts = set(_field_counts(rows[:_SNIFFED_LINES], keys))
    return len(counts) == 1 and min(counts) >= least


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _has_header(rows: Sequence[str], keys: dict[str, Any]) -> bool:
    """Say whether the first row names the columns.

    It does if it holds no number and most of a column below are numbers, if a name is a usual one,
    or if no row below repeats any of its names, which are shorter than the texts or classes below.
    """
    table = fields_of(rows[:_SNIFFED_LINES], keys | {"header": True})
    if not table:
        return True
    first, rest = table[0], table[1:]
    cells = [cell.strip() for cell in first]
    if any(_NUMBER.fullmatch(cell) for cell in cells) or not rest:
        return not rest and not any(_NUMBER.fullmatch(cell) for cell in cells)
    below = [[cell.strip() for cell in row] for row in rest]
    columns = [[row[i] for row in below if i < len(row)] for i in range(len(cells))]
    if any(sum(map(_is_number, column)) * 2 > len(column) for column in columns):
        return True
    if any(cell.lower() in _USUAL_NAMES for cell in cells):
        return True
    repeated = any(cell in column for cell, column in zip(cells, columns, strict=True) if cell)
    names = all(re.fullmatch(r"[\w .()/%-]{0,40}", cell) and " " not in cell[:1] for cell in cells)
    both = [(cell, column) for cell, column in zip(cells, columns, strict=True) if column]
    longer = any(min(map(len, column)) > len(cell) + 8 for cell, column in both)
    few = any(0 < len(set(column)) <= len(column) / 2 for column in columns)
    return not repeated and names and (longer or few)
