"""Chunks of CSV files parse on their own: any cut gives the rows that Python's csv gives."""

import csv
import io
from pathlib import Path

import pytest
from csv_laws import FAIL, Rows, parse_all
from hypothesis import HealthCheck, example, given, settings, strategies as st

from shardmill.errors import InputError
from shardmill.raw.csv.csv_chunks import csv_chunks
from shardmill.recipe.csv_options import Csv


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
