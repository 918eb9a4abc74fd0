"""CSV files come out as they were written; what is wrong in them is found on its line."""

import gzip
from pathlib import Path

import pytest
from csv_laws import COLUMNS, columns_of

from shardmill.errors import ColumnsError, EncodingError, FieldCountError, InputError
from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks
from shardmill.raw.csv.read_csv import lines_of_rows, parse_chunk
from shardmill.raw.plain_file import plain_copy
from shardmill.raw.row_source import SourceColumns
from shardmill.recipe.csv_options import Csv

Rows = list[tuple[str, ...]]


def read(
    path: Path,
    content: bytes,
    *,
    options: Csv | None = None,
    wanted: tuple[str, ...] = ("a", "b"),
) -> Rows:
    path.write_bytes(content)
    options = options or Csv()
    columns = columns_of("a", "b", wanted=wanted)
    tables = [parse_chunk(chunk, columns).table for chunk in chunks_of(path, options, columns)]
    return [tuple(row[name] for name in wanted) for table in tables for row in table.to_pylist()]


def chunks_of(path: Path, options: Csv, columns: SourceColumns = COLUMNS) -> list[CsvChunk]:
    """The chunks of a raw file, as a build takes them."""
    plain = plain_copy(path, path.with_name("plain"), encoding=options.encoding)
    return list(csv_chunks(plain.path, options, columns, name=path))


def line_of_row(path: Path, row: int, options: Csv) -> int:
    """The line of a row of a file of one chunk."""
    (chunk,) = chunks_of(path, options)
    ((line, _),) = lines_of_rows(chunk, [row])
    return line


HEADERLESS = Csv(header=False)
SAME_ROWS = [
    # what the file looks like, its bytes, how to read it
    ("plain", b"a,b\n1,x\n2,y\n", Csv()),
    ("header in another order", b"b,a\nx,1\ny,2\n", Csv()),
    ("byte order mark", b"\xef\xbb\xbfa,b\n1,x\n2,y\n", Csv()),
    ("byte order mark, quoted header", b'\xef\xbb\xbf"a","b"\n1,x\n2,y\n', Csv()),
    ("CRLF", b"a,b\r\n1,x\r\n2,y\r\n", Csv()),
    ("no newline at the end", b"a,b\n1,x\n2,y", Csv()),
    ("quotes that were not needed", b'"a","b"\n"1","x"\n"2","y"\n', Csv()),
    ("blank lines", b"a,b\n\n1,x\n\n2,y\n\n", Csv()),
    ("gzip", gzip.compress(b"a,b\n1,x\n2,y\n"), Csv()),
    ("another delimiter", b"a;b\n1;x\n2;y\n", Csv(delimiter=";")),
    ("tabs", b"a\tb\n1\tx\n2\ty\n", Csv(delimiter="\t")),
    ("no header", b"1,x\n2,y\n", HEADERLESS),
    ("no header, byte order mark", b"\xef\xbb\xbf1,x\n2,y\n", HEADERLESS),
]


@pytest.mark.parametrize(("content", "options"), [c[1:] for c in SAME_ROWS], ids=lambda _: "")
def test_spelling_of_the_file_does_not_matter(tmp_path: Path, content: bytes, options: Csv) -> None:
    assert read(tmp_path / "f.csv", content, options=options) == [("1", "x"), ("2", "y")]


QUOTED = [
    (b'a,b\n1,"x,y"\n', "x,y"),  # a delimiter
    (b'a,b\n1,"x\ny"\n', "x\ny"),  # a newline
    (b'a,b\n1,"x\r\ny"\n', "x\r\ny"),  # a newline of Windows, kept
    (b'a,b\n1,"say ""x"""\n', 'say "x"'),  # doubled quotes
    (b'a,b\n1,""\n', ""),  # nothing
    (b'a,b\n1," x "\n', " x "),  # blanks, kept
]


@pytest.mark.parametrize(("content", "cell"), QUOTED)
def test_quotes(tmp_path: Path, content: bytes, cell: str) -> None:
    assert read(tmp_path / "f.csv", content) == [("1", cell)]


def test_wanted_columns_alone_come_out(tmp_path: Path) -> None:
    assert read(tmp_path / "f.csv", b"a,b\n1,x\n2,y\n", wanted=("b",)) == [("x",), ("y",)]


@pytest.mark.parametrize("cell", [b"", b'""', b"NA", b"null"])
def test_no_cell_is_null(tmp_path: Path, cell: bytes) -> None:
    options = Csv(missing=("NA",))
    content = b"a,b\n1," + cell + b"\n"
    assert read(tmp_path / "f.csv", content, options=options) == [("1", cell.decode().strip('"'))]


HEADERS = [
    (b"a\n1\n", "1 columns without b"),
    (b"a,c\n1,x\n", "2 columns without b and with 'c' besides"),
    (b"a,b,c\n1,x,2\n", "3 columns with 'c' besides"),
    (b"a,b,b\n1,x,y\n", "3 columns with 'b' more than once"),
    (b"1,x\n2,y\n", "without a, b and with '1', 'x' besides"),  # no header
    (b"a;b\n1;x\n", "1 columns without a, b and with 'a;b' besides"),  # another delimiter
]


@pytest.mark.parametrize(("content", "found"), HEADERS)
def test_columns_of_the_header(tmp_path: Path, content: bytes, found: str) -> None:
    with pytest.raises(
        ColumnsError, match=r"f\.csv, line 1: expected the columns a, b, found "
    ) as e:
        read(tmp_path / "f.csv", content)
    assert found in e.value.found


FIELD_COUNTS = [
    # content, header, line of the fault, fields found there
    (b"a,b\n1,x\n2,y,z\n", True, 3, 3),
    (b"a,b\n1,x\n2\n3,y\n", True, 3, 1),
    (b'a,b\n1,"x\nx\nx"\n2\n', True, 5, 1),  # the third row, after a cell of three lines
    (b'a,b\n1,"x\nx"\n2,"y\n",z\n', True, 4, 3),  # where a row of two lines starts
    (b"a,b\r\n\r\n1,x\r\n2,y,z\r\n", True, 4, 3),  # after a blank line
    (b"1,x\n2,y,z\n", False, 2, 3),
    (b"\xef\xbb\xbf1,x\n2,y,z\n", False, 2, 3),
]


@pytest.mark.parametrize(("content", "header", "line", "fields"), FIELD_COUNTS)
def test_field_count(tmp_path: Path, content: bytes, header: bool, line: int, fields: int) -> None:
    message = rf"f\.csv, line {line}: expected 2 fields, found {fields};"
    with pytest.raises(FieldCountError, match=message):
        read(tmp_path / "f.csv", content, options=Csv(header=header))


def test_field_count_in_gzip_names_the_line_of_its_content(tmp_path: Path) -> None:
    with pytest.raises(FieldCountError, match=r"f\.csv\.gz, line 3: "):
        read(tmp_path / "f.csv.gz", gzip.compress(b"a,b\n1,x\n2\n"))


def test_field_count_after_a_quoted_first_field_with_a_byte_order_mark(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf"1,0",x\n2,y,z\n'
    with pytest.raises(FieldCountError, match=r"line 2: expected 2 fields, found 3"):
        read(tmp_path / "f.csv", content, options=HEADERLESS)


ENCODINGS = [
    # content, line, byte, column in bytes
    (b"a,b\n1,x\n2,caf\xe9\n", 3, "e9", 6),  # Latin-1
    (b'a,b\n1,"x\nx"\n2,\xff\n', 4, "ff", 3),  # after a cell of two lines
    (b"a,\xe9\n1,x\n", 1, "e9", 3),  # in the header
    ("a,b\n1,x\n".encode("utf-16"), 1, "ff", 1),
]


@pytest.mark.parametrize(("content", "line", "byte", "column"), ENCODINGS)
def test_encoding(tmp_path: Path, content: bytes, line: int, byte: str, column: int) -> None:
    message = rf"line {line}: expected UTF-8, found byte 0x{byte} at column {column};"
    with pytest.raises(EncodingError, match=message):
        read(tmp_path / "f.csv", content)


UNCLOSED = [
    b'a,b\n1,x\n"2,y\n3,z\n',  # too few fields
    b'a,b\n1,x\n2,"y\n3,z\n4,w\n',  # the rest of the file would be one cell
    b'a,b\n1,x\n2,"y',  # at the very end
    b'a,b\n1,x\n2,"y""\n',  # one of three quotes
    b'a,b\n1,x\n2,"y\n3,"z\n4,w\n',  # two in turn: the first one takes in a row
]


@pytest.mark.parametrize("content", UNCLOSED)
def test_unclosed_quote(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=r"f\.csv, line 3: expected .* quote"):
        read(tmp_path / "f.csv", content)


def test_quotes_inside_unquoted_fields_are_text(tmp_path: Path) -> None:
    content = b'a,b\n1,5" pipe\n2,y\n'
    assert read(tmp_path / "f.csv", content) == [("1", '5" pipe'), ("2", "y")]


LINES = [
    # content, header, the line of each row
    (b"a,b\n1,x\n2,y\n", True, [2, 3]),
    (b"1,x\n2,y\n", False, [1, 2]),
    (b'a,b\n1,"x\n\nx"\n2,y\n', True, [2, 5]),  # a newline in a cell
    (b"a,b\n\n1,x\n\n\n2,y\n", True, [3, 6]),  # blank lines are no rows
    (b"a,b\r\n1,x\r\n2,y\r\n", True, [2, 3]),
]


@pytest.mark.parametrize(("content", "header", "lines"), LINES)
def test_lines_of_rows(tmp_path: Path, content: bytes, header: bool, lines: list[int]) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    options = Csv(header=header)
    assert [line_of_row(path, row, options) for row in range(len(lines))] == lines


def test_lines_of_rows_after_a_long_field(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"a,b\n1," + b"x" * 200_000 + b"\n2,y\n")
    assert line_of_row(path, 1, Csv()) == 3


def test_lines_of_rows_where_lines_end_in_cr(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    assert read(path, b"a,b\r1,x\r2,y\r") == [("1", "x"), ("2", "y")]
    assert line_of_row(path, 1, Csv()) == 3
