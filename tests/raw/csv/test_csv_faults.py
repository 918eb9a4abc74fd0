"""CSV files: headers, bad rows, and files that change."""

from pathlib import Path

import pytest
from csv_by_the_book import by_the_book
from csv_laws import COLUMNS, FAIL, Rows, columns_of, parse, parse_all

from shardmill.errors import EncodingError, FieldCountError, InputError, UnclosedQuoteError
from shardmill.raw.csv import row_spans
from shardmill.raw.csv.csv_chunks import csv_chunks
from shardmill.raw.csv.read_csv import BadRow, lines_of_rows, parse_chunk
from shardmill.recipe.csv_options import Csv

QUARANTINE = Csv(header=False, on_bad_row="quarantine")


def test_header_in_another_order(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"b,a\nx,1\ny,2\n")
    columns = columns_of("a", "b", wanted=("a",))
    for chunk in csv_chunks(path, Csv(), columns, 1):
        table = parse_chunk(chunk, columns).table
        assert table.column_names == ["a"]
        assert table.column("a").to_pylist() == [str(chunk.line - 1)]


BAD_ROWS = [
    # content, good rows with their lines, bad rows, what fails
    (
        b"1,x\n2\n3,y\n",
        [(1, ("1", "x")), (3, ("3", "y"))],
        [BadRow(2, "field count", "2")],
        (FieldCountError, "line 2: expected 2 fields, found 1"),
    ),
    (
        b'1,"x\nx",z\n\n\n3,y\r\n',
        [(5, ("3", "y"))],
        [BadRow(1, "field count", '1,"x\nx",z')],
        (FieldCountError, "line 1: expected 2 fields, found 3"),
    ),
    (
        b"1,x\n2,caf\xe9\n3,y",
        [(1, ("1", "x")), (3, ("3", "y"))],
        [BadRow(2, "encoding", "2,caf\\xe9")],
        (EncodingError, "line 2: expected UTF-8, found byte 0xe9 at column 6"),
    ),
    (
        b'1,"x\n\xff"\n2,\xc3\xa9\n\xfe\n',
        [(3, ("2", "é"))],
        [BadRow(1, "encoding", '1,"x\n\\xff"'), BadRow(4, "encoding", "\\xfe")],
        (EncodingError, "line 2: expected UTF-8, found byte 0xff at column 1"),
    ),
    (
        b'1,"x\n2,y\n3,"z\n4,w\n',
        [(2, ("2", "y")), (4, ("4", "w"))],
        [BadRow(1, "quotes", '1,"x'), BadRow(3, "quotes", '3,"z')],
        (UnclosedQuoteError, "line 1: expected every quote closed"),
    ),
    (
        b"\xef\xbb\xbf1\n\xef\xbb\xbf2,x\n",  # a mark later in the file is a character
        [(2, ("\ufeff2", "x"))],
        [BadRow(1, "field count", "1")],
        (FieldCountError, "line 1: expected 2 fields, found 1"),
    ),
    (
        b"1\n2\n",
        [],
        [BadRow(1, "field count", "1"), BadRow(2, "field count", "2")],
        (FieldCountError, "line 1: "),
    ),
]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1000])
@pytest.mark.parametrize(("content", "good", "bad", "fails"), BAD_ROWS)
def test_bad_rows(
    tmp_path: Path,
    content: bytes,
    good: Rows,
    bad: list[BadRow],
    fails: tuple[type[InputError], str],
    chunk_bytes: int,
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    assert parse_all(path, QUARANTINE, chunk_bytes) == (good, bad)
    with pytest.raises(fails[0], match=rf"f\.csv, {fails[1]}"):
        parse_all(path, FAIL, chunk_bytes)


UNCLOSED = [
    (b'"1,x\n2,y\n3,z\n', 1),  # the first row
    (b'1,x\n2,"y\n3,z\n', 2),  # the middle
    (b'1,x\n2,y\n3,"z', 3),  # the last
    (b'1,x\n2,"y\nz""\n', 2),  # a doubled one closes nothing
    (b'1,x\n2,y"\n"a\nb",""""\n"', 5),
    (b'1,"x\ny"\n\r\n2,"\n\n', 4),
]


@pytest.mark.parametrize(("content", "line"), UNCLOSED)
def test_a_quote_that_is_never_closed(tmp_path: Path, content: bytes, line: int) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    text = content.decode()
    for chunk_bytes in (1, 5, 1000):
        with pytest.raises(UnclosedQuoteError, match=rf"f\.csv, line {line}: expected every quote"):
            parse_all(path, FAIL, chunk_bytes)
        rows, bad = parse_all(path, QUARANTINE, chunk_bytes)
        assert (line, "quotes") in [(row.line, row.reason) for row in bad]
        book = by_the_book(text, QUARANTINE)
        assert rows == [row for row in book.rows if len(row[1]) == 2]


def test_a_row_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_spans, "ROW_BYTES", 64)
    path = tmp_path / "f.csv"
    path.write_bytes(b'1,x\n2,"' + b"x\n" * 100 + b'"\n2,y\n')
    with pytest.raises(InputError, match=r"f\.csv, line 2: expected a row of at most 64 bytes"):
        list(csv_chunks(path, FAIL, COLUMNS, 16))
    rows, bad = parse_all(path, QUARANTINE, 16)
    assert rows == [(1, ("1", "x")), (103, ("2", "y"))]
    assert [(row.line, row.reason) for row in bad[:2]] == [(2, "quotes"), (3, "field count")]
    path.write_bytes(b"1,x\n2," + b"x" * 50 + b"\n2,y\n")
    assert len(parse_all(path, FAIL, 16)[0]) == 3


def test_a_row_longer_than_a_chunk_comes_alone(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"1,x\n" * 3 + b"2," + b"y" * 100 + b"\n" + b"3,z\n" * 3)
    sizes = [chunk.bytes for chunk in csv_chunks(path, FAIL, COLUMNS, 16)]
    assert sizes == [12, 103, 12]


def test_wanted_cells(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b'1,\n2,"NA"\n3,x\n')
    options = Csv(header=False, missing=("", "NA"))
    (chunk,) = csv_chunks(path, options, COLUMNS)
    parsed = parse_chunk(chunk, columns_of("a", "b", wanted=("b",)))
    assert parsed.table.to_pydict() == {"b": ["", "NA", "x"]}


def test_text_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b'1,"x\ny"\r\n\n2\n3,z')
    (chunk,) = csv_chunks(path, QUARANTINE, COLUMNS)
    assert lines_of_rows(chunk, [1, 0]) == [(5, "3,z"), (1, '1,"x\ny"')]


def test_a_file_that_shrinks(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"1,x\n2,y\n")
    (chunk,) = csv_chunks(path, FAIL, COLUMNS)
    path.write_bytes(b"1,x\n")
    with pytest.raises(InputError, match=r"f\.csv: .* leave the file alone while it is read"):
        parse(chunk)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"f\.csv: expected a readable file"):
        list(csv_chunks(tmp_path / "f.csv", FAIL, COLUMNS))
