"""Chunks of CSV files parse on their own: any cut gives the rows that Python's csv gives."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from shardmill.errors import ColumnsError, EncodingError, FieldCountError, InputError
from shardmill.raw.csv import row_spans
from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks
from shardmill.raw.csv.read_csv import BadRow, check_header, lines_of_rows, parse_chunk
from shardmill.recipe.tables import Csv

COLUMNS = ("a", "b")
Rows = list[tuple[int, tuple[str, ...]]]  # line and cells
FAIL = Csv(header=False)
QUARANTINE = Csv(header=False, on_bad_row="quarantine")


def parse(chunk: CsvChunk, options: Csv) -> tuple[Rows, list[BadRow]]:
    """Return the rows of a chunk with their lines, and the bad ones."""
    parsed = parse_chunk(chunk, columns=COLUMNS, wanted=COLUMNS, options=options, nulls=False)
    cells = [tuple(row.values()) for row in parsed.table.to_pylist()]
    lines = lines_of_rows(chunk, range(len(cells)), COLUMNS, options)
    return [(line, row) for (line, _), row in zip(lines, cells, strict=True)], list(parsed.bad)


def parse_all(path: Path, options: Csv, chunk_bytes: int = 2**20) -> tuple[Rows, list[BadRow]]:
    rows, bad = [], []
    stop = None
    for chunk in csv_chunks(path, options, chunk_bytes):
        assert stop is None or chunk.start == stop
        stop = chunk.stop
        some_rows, some_bad = parse(chunk, options)
        rows += some_rows
        bad += some_bad
    assert stop is None or stop == path.stat().st_size
    return rows, bad


def by_the_book(text: str, delimiter: str) -> tuple[Rows, int | None, set[int]]:
    """Read character by character: rows, line of an unclosed quote, lines of rows closed late."""
    rows: Rows = []
    late: set[int] = set()
    cells: list[str] = []
    cell, line, first, state, opened, position = "", 1, 1, "start", (0, False), 0
    while position < len(text):
        here = text[position]
        if here == "\r" and text[position : position + 2] == "\r\n":
            here = "\r\n"
        position += len(here)
        is_end = here in ("\r", "\n", "\r\n")
        line += is_end
        if state == "quoted":
            if here != '"':
                cell += here
                opened = (opened[0], opened[1] or is_end)
            elif text[position : position + 1] == '"':
                cell += '"'
                position += 1
            else:
                state = "closed"
        elif state == "start" and here == '"':
            state, opened = "quoted", (line, False)
        elif here == delimiter:
            cells, cell, state = [*cells, cell], "", "start"
        elif is_end:
            if cells or cell or state != "start":
                rows.append((first, (*cells, cell)))
            cells, cell, state, first = [], "", "start", line
        else:
            if state == "closed" and opened[1]:
                late.add(first)
            cell, state = cell + here, "text"
    if cells or cell or state != "start":
        rows.append((first, (*cells, cell)))
    return rows, opened[0] if state == "quoted" else None, late


PIECES = [
    *'ab";, \t',
    '"',
    '""',
    ",",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    '"\n',
    ',"',
    '",',
    "é",
    "\ufeff",
    "\0",
    "\\",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
TIDY_CELLS = st.text(st.sampled_from('a", \n\ré\\'), max_size=5)


def tidy(rows: list[tuple[str, str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


CASES = TEXTS | st.lists(st.tuples(TIDY_CELLS, TIDY_CELLS), max_size=8).map(tidy)
LAW = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@LAW
@given(text=CASES, delimiter=st.sampled_from(",;\t "), chunk_bytes=st.integers(1, 40))
@example('1,"x"\n', ",", 6)
@example('1,"a\nb"c\n2,x\n', ",", 1)
@example("\ufeff\ufeff1,x\n", ",", 1)
@example('"a""', ",", 2)
@example('1,"a"\r\n2,"""b""\r\n"\n', ",", 3)
def test_any_text_in_chunks_of_any_size(
    tmp_path: Path, text: str, delimiter: str, chunk_bytes: int
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(text.encode())
    options = Csv(header=False, on_bad_row="quarantine", delimiter=delimiter)
    rows, unclosed, late = by_the_book(text.removeprefix("\ufeff"), delimiter)
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    assert [list(row) for _, row in rows] == [row for row in reader if row]
    if unclosed is not None:
        with pytest.raises(InputError, match=rf"f\.csv, line {unclosed}: .* every quote closed"):
            parse_all(path, options, chunk_bytes)
        return
    found, bad = parse_all(path, options, chunk_bytes)
    assert found == [row for row in rows if len(row[1]) == 2 and row[0] not in late]
    assert [(row.line, row.reason) for row in bad] == [
        (line, "quotes" if line in late else "field count")
        for line, cells in rows
        if len(cells) != 2 or line in late
    ]


@pytest.mark.parametrize(
    "text",
    [
        '1,"x\ny"\n2,"a ""b"""\n\n3,5" pipe\n',
        '"1","x"\r\n"2","y\r\nz"\r\n',
        '1,x\r2,"y\rz"\r\r3,w',
        '1,\\"\n2,"\\"\n3,a\\\n',
        '"é, ü",ж\n"\U0001f600",""\n',
    ],
)
def test_a_border_at_every_byte(tmp_path: Path, text: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(text.encode())
    whole = parse_all(path, FAIL)
    assert [row for _, row in whole[0]] == [
        tuple(row) for row in csv.reader(io.StringIO(text, newline="")) if row
    ]
    for chunk_bytes in range(1, len(text.encode()) + 2):
        assert parse_all(path, FAIL, chunk_bytes) == whole


def test_chunks_say_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b\n1,x\n2,"y\nz"\n3,w\n')
    chunks = list(csv_chunks(path, Csv(), 10, name=tmp_path / "f.csv.gz"))
    places = [(c.start, c.stop, c.line, c.bytes) for c in chunks]
    assert places == [(7, 11, 2, 4), (11, 19, 3, 8), (19, 23, 5, 4)]
    assert {(c.header, c.regular, c.name.name) for c in chunks} == {(("a", "b"), True, "f.csv.gz")}


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"a,b\n", b"a,b", b"\xef\xbb\xbf", b"\xef\xbb\xbfa,b\n"]
)
def test_a_file_without_rows_has_no_chunks(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    assert list(csv_chunks(path, Csv())) == []


def test_header_in_another_order(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"b,a\nx,1\ny,2\n")
    options = Csv()
    check_header(path, COLUMNS, options)
    for chunk in csv_chunks(path, options, 1):
        table = parse_chunk(
            chunk, columns=COLUMNS, wanted=("a",), options=options, nulls=False
        ).table
        assert table.column_names == ["a"]
        assert table.column("a").to_pylist() == [str(chunk.line - 1)]


def test_header_that_was_not_checked(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"a,c\n1,x\n")
    (chunk,) = csv_chunks(path, Csv())
    with pytest.raises(ColumnsError, match="without b and with 'c' besides"):
        parse(chunk, Csv())


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
        [(4, ("4", "w"))],
        [BadRow(1, "quotes", '1,"x\n2,y\n3,"z')],
        (InputError, "line 1: expected a quote that is closed in its line"),
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
    (b'1,"x\ny",z\n\r\n2,"\n\n', 4),
]


@pytest.mark.parametrize("options", [FAIL, QUARANTINE])
@pytest.mark.parametrize(("content", "line"), UNCLOSED)
def test_a_quote_that_is_never_closed(
    tmp_path: Path, content: bytes, line: int, options: Csv
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    for chunk_bytes in (1, 5, 1000):
        with pytest.raises(InputError, match=rf"f\.csv, line {line}: expected a row of CSV, every"):
            list(csv_chunks(path, options, chunk_bytes))


def test_a_row_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_spans, "ROW_BYTES", 64)
    path = tmp_path / "f.csv"
    path.write_bytes(b'1,x\n2,"' + b"x\n" * 100 + b'"\n2,y\n')
    with pytest.raises(InputError, match=r"f\.csv, line 2: expected a row of at most 64 bytes"):
        list(csv_chunks(path, FAIL, 16))
    path.write_bytes(b"1,x\n2," + b"x" * 50 + b"\n2,y\n")
    assert len(parse_all(path, FAIL, 16)[0]) == 3


def test_a_row_longer_than_a_chunk_comes_alone(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"1,x\n" * 3 + b"2," + b"y" * 100 + b"\n" + b"3,z\n" * 3)
    sizes = [chunk.bytes for chunk in csv_chunks(path, FAIL, 16)]
    assert sizes == [12, 103, 12]


def test_wanted_cells_and_nulls(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b'1,\n2,"NA"\n3,x\n')
    options = Csv(header=False, missing=("", "NA"))
    (chunk,) = csv_chunks(path, options)
    for nulls, cells in ((True, [None, None, "x"]), (False, ["", "NA", "x"])):
        parsed = parse_chunk(chunk, columns=COLUMNS, wanted=("b",), options=options, nulls=nulls)
        assert parsed.table.to_pydict() == {"b": cells}


def test_text_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b'1,"x\ny"\r\n\n2\n3,z')
    (chunk,) = csv_chunks(path, QUARANTINE)
    assert lines_of_rows(chunk, [1, 0], COLUMNS, QUARANTINE) == [(5, "3,z"), (1, '1,"x\ny"')]


def test_a_file_that_shrinks(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"1,x\n2,y\n")
    (chunk,) = csv_chunks(path, FAIL)
    path.write_bytes(b"1,x\n")
    with pytest.raises(InputError, match=r"f\.csv: .* leave the file alone while it is read"):
        parse(chunk, FAIL)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"f\.csv: expected a readable file"):
        list(csv_chunks(tmp_path / "f.csv", FAIL))
