"""Files that were scanned by ranges are cut as those that are read in order, in any dialect."""

import random
from pathlib import Path
from typing import Any

import pytest
from compare_csv import random_options, random_rows, write
from csv_laws import columns_of
from hypothesis import given, settings, strategies as st

from shardmill.errors import UnreadableFileError
from shardmill.raw.csv.csv_chunks import CsvChunk, csv_chunks
from shardmill.raw.cut_scanned import ScannedFile
from shardmill.raw.file_rows import FileRows
from shardmill.raw.raw_files import read_raw
from shardmill.raw.row_source import SourceColumns
from shardmill.raw.scan_ranges import ScanRule, scan_range
from shardmill.raw.tables.json_lines_source import JsonLinesSource
from shardmill.recipe.csv_options import Csv

NAMES = tuple("abcdefgh")
COLUMNS = SourceColumns(NAMES, NAMES, ())
PLAIN = Csv(header=False, on_bad_row="quarantine")
# Text that begins and ends quotes at any place, and signs of all dialects.
PIECES = [*"ab,;|\t\"'#\\ \r\n", "\r\n", '""', '","', '"\n"', '"x\ny"', "é", "日", "row,row\n"]


def scan(path: Path, rule: ScanRule, *, grain: int, grains_in_range: int) -> ScannedFile:
    size, step = path.stat().st_size, grain * grains_in_range
    starts = range(0, max(size, 1), step)
    ranges = [scan_range(path, rule, start, min(start + step, size), grain) for start in starts]
    return ScannedFile(rule, ranges, size=size, grain_bytes=grain)


def chunks_or_error(path: Path, options: Csv, chunk_bytes: int, **how: Any) -> list[CsvChunk] | str:
    try:
        return list(csv_chunks(path, options, COLUMNS, chunk_bytes, **how))
    except Exception as error:
        return repr(error)


def assert_same(path: Path, content: bytes, options: Csv, sizes: tuple[int, int, int]) -> None:
    path.write_bytes(content)
    chunk_bytes, grain, grains_in_range = sizes
    rule = ScanRule.of_csv(options)
    scanned = scan(path, rule, grain=grain, grains_in_range=grains_in_range)
    expected = chunks_or_error(path, options, chunk_bytes)
    assert chunks_or_error(path, options, chunk_bytes, scanned=scanned) == expected


sizes = st.tuples(st.sampled_from([1, 2, 3, 7, 16, 33, 100]), st.integers(1, 20), st.integers(1, 4))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60), st.booleans(), sizes)
def test_any_text(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[str],
    mark: bool,
    sizes: tuple[int, int, int],
) -> None:
    content = b"\xef\xbb\xbf" * mark + "".join(pieces).encode()
    assert_same(tmp_path_factory.getbasetemp() / "any.csv", content, PLAIN, sizes)


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["\n", "\r\n", "\r"]), sizes)
def test_any_dialect(
    tmp_path_factory: pytest.TempPathFactory,
    draw: random.Random,
    line_end: str,
    sizes: tuple[int, int, int],
) -> None:
    options = random_options(draw).model_copy(update={"skip_rows": draw.choice([0, 2])})
    texts = [write(random_rows(draw, options), options, draw, line_end) for _ in range(5)]
    content = "".join(texts).encode()
    assert_same(tmp_path_factory.getbasetemp() / "dialect.csv", content, options, sizes)


# Rows of a dialect, and how many spans must be read in order of a hundred such rows: the last one,
# unless something is irregular.
CUT = [
    ('1,"a, ""b""\nc",d\r\n', {}, 1),
    ("1,b,c\r", {}, 1),
    ("1,'b;\n',c\n", {"quote": "'"}, 1),
    ('1,b"c,d\n', {}, 99),
    ('1,b"c,d\n', {"quote": ""}, 1),
    ("1\tb c\n", {"delimiter": "whitespace"}, 1),
    ("1::b::c\n", {"delimiter": "::"}, 1),
    ('1::"b"::c\n', {"delimiter": "::"}, 99),
    ('1,"b",\n', {"trailing_delimiter": True}, 1),
    ('1,"b", c\n', {"skip_space": True}, 1),
    ('1, "b",c\n', {"skip_space": True}, 99),
    ("1,b#,c\n", {"comment": "#"}, 1),
    ("#b\n1,c,d\n", {"comment": "#"}, 99),
    ("1,b,c\n", {"escape": "\\"}, 1),
    ("1,b\\,c\n", {"escape": "\\"}, 99),
]


@pytest.mark.parametrize(("row", "said", "in_order"), CUT)
def test_what_is_cut_without_reading_it_in_order(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    row: str,
    said: dict[str, Any],
    in_order: int,
) -> None:
    options = Csv.model_validate({"header": False, **said})
    size = len(row.encode())
    # Each span is a row, and each has the border of a grain within it.
    uncut, real = [], ScannedFile.cut

    def cut(self: ScannedFile, *place: Any) -> Any:
        found = real(self, *place)
        if found is None:
            uncut.append(place)
        return found

    monkeypatch.setattr(ScannedFile, "cut", cut)
    assert_same(tmp_path / "f.csv", row.encode() * 100, options, (size + 1, 4, 3))
    assert in_order <= len(uncut) <= max(in_order + 1, 101 * (in_order > 1))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([b'{"a": 1}', b"", b"\r", b"\n", b"\n\n", b"x" * 20])), sizes)
def test_json_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], sizes: tuple[int, int, int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "f.jsonl"
    path.write_bytes(b'{"a": 0}\n' + b"\n".join(lines))
    chunk_bytes, grain, grains_in_range = sizes
    source = JsonLinesSource(
        (FileRows(read_raw(path)),), columns_of("a"), (), others_fail=True, bad_fail=True
    )
    (rule,) = source.scan_rules()
    scanned = scan(path, rule, grain=grain, grains_in_range=grains_in_range)
    assert list(source.chunks(chunk_bytes, {0: scanned})) == list(source.chunks(chunk_bytes))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="none: expected a readable file"):
        scan_range(tmp_path / "none", ScanRule(), 0, 10, 5)
