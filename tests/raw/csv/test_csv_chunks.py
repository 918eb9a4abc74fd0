"""Where the rows of a CSV file begin."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from shardmill.errors import CsvFormatError
from shardmill.raw.csv import csv_chunks
from shardmill.raw.csv.csv_chunks import first_row
from shardmill.recipe.csv_options import Csv


def first(path: Path, content: bytes, **options: object) -> tuple[tuple[str, ...], int] | None:
    path.write_bytes(content)
    row = first_row(path, Csv.model_validate({"header": False, **options}), name=path)
    return None if row is None else (row.fields, row.line)


lines = st.lists(st.sampled_from([b"", b"a", b"bb", b"long line"]), min_size=1, max_size=9)


@settings(max_examples=300, deadline=None)
@given(lines, st.sampled_from([b"\n", b"\r", b"\r\n"]), st.integers(1, 6), st.integers(2, 12))
def test_lines_are_skipped_whatever_is_read_at_a_time(
    tmp_path_factory: pytest.TempPathFactory, some: list[bytes], end: bytes, skip: int, block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "skipped.csv"
    left = [(at, line) for at, line in enumerate(some, 1) if at > skip and line]
    expected = ((left[0][1].decode(),), left[0][0]) if left else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_chunks, "_SKIPPED_BYTES", block)
        assert first(path, end.join(some), skip_rows=skip) == expected


@pytest.mark.parametrize(
    ("content", "delimiter", "fields", "line"),
    [
        (b"sep=;\nx;y\n", ";", ("x", "y"), 2),
        (b"\xef\xbb\xbfsep=\t\r\nx\ty\r\n", "\t", ("x", "y"), 2),
        (b"sep=||\nx||y\n", "||", ("x", "y"), 2),
        (b"sep=a\nx\n", ",", ("sep=a",), 1),  # no letter is a delimiter
        (b"sep=ab\nx\n", ",", ("sep=ab",), 1),
        (b"sep\nx\n", ",", ("sep",), 1),
    ],
)
def test_the_line_that_names_the_delimiter(
    tmp_path: Path, content: bytes, delimiter: str, fields: tuple[str, ...], line: int
) -> None:
    assert first(tmp_path / "a.csv", content, delimiter=delimiter) == (fields, line)


def test_a_line_that_names_another_delimiter(tmp_path: Path) -> None:
    match = r'line 1: expected sep=,, or no such line, found sep=;; set csv.delimiter = ";"'
    with pytest.raises(CsvFormatError, match=match):
        first(tmp_path / "a.csv", b"sep=;\nx;y\n")
