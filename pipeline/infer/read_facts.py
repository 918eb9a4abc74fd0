"""Reads raw files whole, chunk by chunk, for what is in their columns."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from shardmill.errors import BinaryFileError, EmptyFileError, UnclearFilesError
from shardmill.pipeline.infer.column_facts import ColumnFacts
from shardmill.pipeline.infer.infer_dialect import SAMPLE_BYTES, fields_of, infer_dialect
from shardmill.raw.column_names import column_names
from shardmill.raw.csv.csv_source import CsvFileRows, CsvSource
from shardmill.raw.decompress import open_raw
from shardmill.raw.entry_names import COMPRESSED_SUFFIXES
from shardmill.raw.file_rows import FileRows
from shardmill.raw.name_format import name_format, reads_it
from shardmill.raw.raw_files import RawContent
from shardmill.raw.row_source import RowSource, SourceColumns
from shardmill.raw.tables.check_schema import is_single
from shardmill.raw.tables.json_lines_source import JsonLinesSource
from shardmill.raw.tables.table_source import TABLE_FORMATS, TableSource
from shardmill.raw.work_sizes import DEFAULT_SIZES
from shardmill.recipe.csv_options import Csv

_FORMATS = {"Parquet": "parquet", "Arrow IPC": "arrow"}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_JSON = (".jsonl", ".ndjson", ".json")


@dataclass(slots=True)
class FileFacts:
    """What is known of a raw file.

    Attributes:
        path: The file.
        form: Its format, by its key in a split of a recipe.
        dialect: How it is written, if it is a CSV file: the keys that are not the usual ones.
        names: Its columns, in order.
        nested: The columns whose values are no single ones, which cannot be read.
        columns: The facts of all other columns.
        bad: How many rows could not be parsed.
    """

    path: Path
    form: str
    dialect: dict[str, Any]
    names: tuple[str, ...]
    nested: tuple[str, ...] = ()
    columns: dict[str, ColumnFacts] = field(default_factory=dict)
    bad: int = 0


def read_facts(path: Path, names: Sequence[str] | None = None) -> FileFacts:
    """Return what is known of a file after reading all of it.

    Args:
        path: The file, which may be compressed.
        names: The columns of a CSV file without a header; None to call them column_1 and so on.

    Raises:
        UnclearFilesError: The file is of a format that no table or text is read from.
        EmptyFileError: The file holds nothing.
        BinaryFileError: The file is no text, and of no known format.
        InputError: The file cannot be read.
    """
    facts = _look_at(path, names)
    known = [name for name in facts.names if name not in facts.nested]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise UnclearFilesError(
            path,
            expected="each column once",
            found=f"{', '.join(map(repr, twice))} more than once",
            fix="rename the columns in the file",
        )
    facts.columns = {name: ColumnFacts(name) for name in known}
    with _source(facts, known) as source:
        for chunk in source.chunks(DEFAULT_SIZES.chunk_bytes):
            table, bad, _ = source.read(chunk)
            facts.bad += len(bad)
            for name in known:
                facts.columns[name].add(table.column(name))
    return facts


def _look_at(path: Path, names: Sequence[str] | None) -> FileFacts:
    with open_raw(path) as file:
        start = file.read(SAMPLE_BYTES)
    found = name_format(start)
    suffixes = [suffix for suffix in path.suffixes if suffix not in COMPRESSED_SUFFIXES]
    form = _FORMATS.get(found or "", "csv")
    if form == "csv" and found is not None:
        raise UnclearFilesError(path, expected="a table or texts", found=found, fix=reads_it(found))
    if form == "csv" and start.startswith(b"\xff\xff\xff\xff"):
        form = "arrow"
    if form == "csv" and suffixes and suffixes[-1] in _JSON:
        form = "jsonl"
    if form != "csv":
        columns = column_names(form, path, None)
        nested = _nested(path) if form in TABLE_FORMATS else _nested_keys(start)
        return FileFacts(path, form, {}, columns, nested)
    if not start.strip():
        raise EmptyFileError(
            path, expected="at least one row", found="none", fix="fetch or copy it again"
        )
    if b"\0" in start and not start.startswith(_UTF_16):
        raise BinaryFileError(
            path,
            expected="a text file",
            found="bytes that are 0",
            fix="name a file of text, Parquet, Arrow or JSON Lines",
        )
    dialect = infer_dialect(path)
    if dialect.get("header", True):
        return FileFacts(path, form, dialect, column_names(form, path, Csv.model_validate(dialect)))
    text = start.decode(dialect.get("encoding", "utf-8"), errors="ignore").removeprefix("\ufeff")
    (first,) = fields_of(text.splitlines()[dialect.get("skip_rows", 0) :][:1], dialect)
    given = tuple(names or ())
    own = tuple(f"column_{number}" for number in range(1, len(first) + 1))
    return FileFacts(path, form, dialect, given if len(given) == len(own) else own)


def _nested_keys(start: bytes) -> tuple[str, ...]:
    """Return the keys of lines of JSON whose values are lists or objects."""
    nested: dict[str, None] = {}
    for line in start.splitlines():
        with suppress(ValueError, RecursionError):
            row = json.loads(line)
            for key, value in row.items() if isinstance(row, dict) else ():
                if isinstance(value, list | dict):
                    nested[key] = None
    return tuple(nested)


def _nested(path: Path) -> tuple[str, ...]:
    for form in TABLE_FORMATS.values():
        try:
            return tuple(f.name for f in form.schema(path) if not is_single(f.type))
        except (pa.ArrowException, OSError):
            continue
    return ()


@contextmanager
def _source(facts: FileFacts, names: Sequence[str]) -> Iterator[RowSource]:
    columns = SourceColumns(tuple(facts.names), tuple(names), ())
    encoding = facts.dialect.get("encoding", "utf-8") if facts.form == "csv" else None
    with TemporaryDirectory(prefix="shardmill-") as folder:
        content = RawContent.unhashed(facts.path, Path(folder) / "plain", encoding)
        rows = FileRows(content)
        if facts.form == "csv":
            options = Csv.model_validate({**facts.dialect, "on_bad_row": "quarantine"})
            yield CsvSource((CsvFileRows(rows, options),), columns)
        elif facts.form == "jsonl":
            yield JsonLinesSource((rows,), columns, (), others_fail=False, bad_fail=False)
        else:
            yield TableSource(facts.form, (rows,), columns, others_fail=False)


def merged(facts: Sequence[FileFacts]) -> Mapping[str, ColumnFacts]:
    """Return the facts of each column over several files. A column may be in some of them alone."""
    columns: dict[str, ColumnFacts] = {}
    for file in facts:
        for name, own in file.columns.items():
            columns[name] = columns[name].with_others(own) if name in columns else own
    return columns
