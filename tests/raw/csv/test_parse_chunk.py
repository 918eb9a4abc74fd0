"""Chunks of CSV files parse on their own: any cut gives the rows that Python's csv gives."""

import csv
import io
from pathlib import Path

import pytest
from csv_by_the_book import by_the_book
from csv_laws import COLUMNS, FAIL, parse, parse_all
from hypothesis import HealthCheck, example, given, settings, strategies as st

from shardmill.errors import ColumnsError
from shardmill.raw.csv.csv_chunks import csv_chunks
from shardmill.recipe.csv_options import Csv

QUARANTINE = Csv(header=False, on_bad_row="quarantine")
PIECES = [
    *"ab\";, \t'#\x01",
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


DIALECTS = st.builds(
    Csv,
    header=st.just(False),
    on_bad_row=st.just("quarantine"),
    delimiter=st.sampled_from([",", ";", "\t", " ", "whitespace", "ab", ";;", "\x01", "é"]),
    quote=st.sampled_from(['"', "'", ""]),
    escape=st.sampled_from(["", "", "\\"]),
    comment=st.sampled_from(["", "", "#", "#;"]),
)


@LAW
@given(text=CASES, options=DIALECTS, chunk_bytes=st.integers(1, 40))
@example('1,"x"\n', QUARANTINE, 6)
@example('1,"a\nb"c\n2,x\n', QUARANTINE, 1)
@example("\ufeff\ufeff1,x\n", QUARANTINE, 1)
@example('"a""', QUARANTINE, 2)
@example('1,"a"\r\n2,"""b""\r\n"\n', QUARANTINE, 3)
@example('"a\nb";;"c"\n', Csv(header=False, on_bad_row="quarantine", delimiter=";;"), 6)
@example('"a\nb",c\\', Csv(header=False, on_bad_row="quarantine", escape="\\"), 4)
def test_any_text_in_chunks_of_any_size(
    tmp_path: Path, text: str, options: Csv, chunk_bytes: int
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(text.encode())
    book = by_the_book(text.removeprefix("\ufeff"), options)
    found, bad = parse_all(path, options, chunk_bytes)
    assert found == [row for row in book.rows if len(row[1]) == 2]
    expected = [(line, "field count") for line, cells in book.rows if len(cells) != 2]
    expected += [(line, "quotes") for line in book.unclosed]
    assert [(row.line, row.reason) for row in bad] == sorted(expected)


@LAW
@given(text=CASES, delimiter=st.sampled_from(",;\t "))
def test_the_book_reads_as_python_does(text: str, delimiter: str) -> None:
    book = by_the_book(text, Csv(header=False, delimiter=delimiter))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    if not book.unclosed:
        assert [list(row) for _, row in book.rows] == [row for row in reader if row]


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
    chunks = list(csv_chunks(path, Csv(), COLUMNS, 10, name=tmp_path / "f.csv.gz"))
    places = [(c.start, c.stop, c.line, c.bytes) for c in chunks]
    assert places == [(7, 11, 2, 4), (11, 19, 3, 8), (19, 23, 5, 4)]
    assert {(c.names, c.regular, c.name.name) for c in chunks} == {(("a", "b"), True, "f.csv.gz")}


@pytest.mark.parametrize("content", [b"a,b\n", b"a,b", b"\xef\xbb\xbfa,b\n", b"\n\na,b\n\n"])
def test_a_file_without_rows(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    assert sum(len(parse(chunk)[0]) for chunk in csv_chunks(path, Csv(), COLUMNS)) == 0


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    assert list(csv_chunks(path, FAIL, COLUMNS)) == []
    with pytest.raises(ColumnsError, match="found 0 columns without a, b"):
        list(csv_chunks(path, Csv(), COLUMNS))
