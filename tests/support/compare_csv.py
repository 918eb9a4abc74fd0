"""Compares how CSV files of random dialects are read here and by other libraries.

Each file is written from random rows in a random dialect. `python tests/support/compare_csv.py`
reads it here, with Python's csv, with pandas and with DuckDB (if it is installed), as far as they
know the dialect, and reports each reader that does not give the rows back.
"""

import argparse
import csv
import io
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from shardmill.raw.csv.csv_chunks import csv_chunks
from shardmill.raw.csv.read_csv import parse_chunk
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.csv_options import WHITESPACE, Csv

Table = list[list[str]]
PIECES = [*"abc 01.,;|\t'\"#\\-=", "é", "日", "\n", "\r\n", '""', "::", "  "]


def random_options(draw: random.Random) -> Csv:
    while True:
        delimiter = draw.choice([",", ",", ";", "\t", "|", "\x01", "::", "||", "¦", WHITESPACE])
        try:
            return Csv(
                header=False,
                delimiter=delimiter,
                quote=draw.choice(['"', '"', '"', "'", ""]),
                escape=draw.choice(["", "", "\\"]),
                comment=draw.choice(["", "", "#"]),
                skip_rows=draw.choice([0, 0, 1, 3]),
                skip_space=draw.random() < 0.2,
                trailing_delimiter=draw.random() < 0.1,
            )
        except ValueError:
            continue


def random_rows(draw: random.Random, options: Csv) -> Table:
    columns = draw.randint(1, 5)
    rows = [
        ["".join(draw.choices(PIECES, k=draw.choice([0, 1, 1, 2, 3, 6]))) for _ in range(columns)]
        for _ in range(draw.randint(1, 8))
    ]
    if not options.quote:
        # What quotes alone could keep is left out.
        rows = [[plain(cell, options) for cell in row] for row in rows]
    return rows


def plain(cell: str, options: Csv) -> str:
    delimiter = " \t" if options.delimiter == WHITESPACE else options.delimiter
    if not options.escape:
        for sign in ("\r", "\n", *delimiter):
            cell = cell.replace(sign, "_")
    cell = cell.replace("#", "_").replace("\r", "_").replace("\n", "_").lstrip(" ")
    return cell or "_"


def write(rows: Table, options: Csv, draw: random.Random, line_end: str) -> str:
    text = "".join(f"a note{line_end}" for _ in range(options.skip_rows))
    for row in rows:
        if options.comment and draw.random() < 0.3:
            text += f"{options.comment} it's no row{line_end}"
        delimiter = options.delimiter
        if delimiter == WHITESPACE:
            delimiter = draw.choice([" ", "\t", "  ", " \t "])
        cells = [write_cell(cell, options, draw) for cell in row]
        if len(row) == 1 and not cells[0]:
            cells = [options.quote * 2]  # an empty line is no row
        spaces = " " * draw.randint(0, 2) if options.skip_space else ""
        text += f"{delimiter}{spaces}".join(cells)
        if options.trailing_delimiter and draw.random() < 0.5:
            text += delimiter
        text += line_end
    return text


def write_cell(cell: str, options: Csv, draw: random.Random) -> str:
    quote, escape = options.quote, options.escape
    delimiter = " \t" if options.delimiter == WHITESPACE else options.delimiter
    special = {*"\r\n#", *delimiter, quote, escape} - {""}
    if quote and (not cell or set(cell) & special or cell[0] == " " or draw.random() < 0.2):
        if escape:
            cell = cell.replace(escape, escape * 2)
            twice = draw.choice([quote * 2, escape + quote])
        else:
            twice = quote * 2
        return f"{quote}{cell.replace(quote, twice)}{quote}"
    if escape:
        return "".join(escape + sign if sign in {*delimiter, escape} else sign for sign in cell)
    return cell


def read_here(path: Path, options: Csv, columns: int, draw: random.Random) -> Table:
    names = tuple(map(str, range(columns)))
    of_file = SourceColumns(names, names, ())
    chunks = csv_chunks(path, options, of_file, draw.choice([1, 7, 50, 2**20]))
    return [list(row.values()) for c in chunks for row in parse_chunk(c, of_file).table.to_pylist()]


def read_python(path: Path, options: Csv, columns: int, _draw: random.Random) -> Table | None:
    if len(options.delimiter) > 1 or options.comment or options.trailing_delimiter:
        return None
    text = path.read_bytes().decode()
    for _ in range(options.skip_rows):
        text = text[text.index("\n") + 1 :]
    quoting: dict[str, Any] = {"quoting": csv.QUOTE_NONE}
    if options.quote:
        quoting = {"quotechar": options.quote}
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=options.delimiter,
        escapechar=options.escape or None,
        skipinitialspace=options.skip_space,
        **quoting,
    )
    return [row for row in reader if row]


def read_pandas(path: Path, options: Csv, columns: int, _draw: random.Random) -> Table | None:
    if options.trailing_delimiter or not options.delimiter.isascii():
        return None
    several = len(options.delimiter) > 1 and options.delimiter != WHITESPACE
    if several or (columns == 1 and not options.quote):
        return None  # its slow engine takes regular expressions, and knows no quotes beside them
    quoting: dict[str, Any] = {"quoting": 3} if not options.quote else {"quotechar": options.quote}
    frame = pd.read_csv(
        path,
        sep=r"\s+" if options.delimiter == WHITESPACE else options.delimiter,
        header=None,
        names=range(columns),
        index_col=False,
        dtype=str,
        keep_default_na=False,
        na_filter=False,
        escapechar=options.escape or None,
        comment=options.comment or None,
        skiprows=options.skip_rows,
        skipinitialspace=options.skip_space,
        **quoting,
    )
    return [list(map(str, row)) for row in frame.itertuples(index=False)]


def read_duckdb(path: Path, options: Csv, columns: int, _draw: random.Random) -> Table | None:
    spaced = options.skip_space or options.delimiter == WHITESPACE
    if spaced or options.trailing_delimiter or len(options.delimiter.encode()) > 4:
        return None
    if options.escape and not options.quote:
        return None  # it knows escapes inside quotes alone
    text = path.read_bytes().decode()
    if "\r\n" in text and "\n" in text.replace("\r\n", ""):
        return None  # it refuses line ends of two kinds, also inside quotes
    if options.escape and options.quote * 2 in text:
        return None  # nor does it take doubled quotes beside escapes
    import duckdb

    relation = duckdb.read_csv(
        str(path),
        sep=options.delimiter,
        header=False,
        all_varchar=True,
        quotechar=options.quote,
        escapechar=options.escape or options.quote,
        comment=options.comment or "",
        skiprows=options.skip_rows,
        columns={f"c{n}": "VARCHAR" for n in range(columns)},
        auto_detect=False,
    )
    return [["" if cell is None else cell for cell in row] for row in relation.fetchall()]


READERS: dict[str, Callable[[Path, Csv, int, random.Random], Table | None]] = {
    "here": read_here,
    "csv": read_python,
    "pandas": read_pandas,
    "duckdb": read_duckdb,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", default=",".join(READERS))
    args = parser.parse_args()
    read: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv"
        for seed in range(args.seed, args.seed + args.files):
            draw = random.Random(seed)
            options = random_options(draw)
            rows = random_rows(draw, options)
            text = write(rows, options, draw, draw.choice(["\n", "\r\n"]))
            path.write_bytes(text.encode())
            for name in args.readers.split(","):
                try:
                    found = READERS[name](path, options, len(rows[0]), draw)
                except Exception as error:
                    found = [[f"{type(error).__name__}: {error}"]]
                if found is None:
                    continue
                read[name] += 1
                if found != rows:
                    wrong[name] += 1
                    if name == "here" or wrong[name] <= 5:
                        print(name, seed, repr(text), options.model_dump(exclude_defaults=True))
                        print("  expected", rows, "\n  found   ", found)
    for name, files in read.items():
        print(f"{name}: {files:,} files, {wrong[name]:,} not as written")
    sys.exit(wrong["here"] > 0)


if __name__ == "__main__":
    main()
