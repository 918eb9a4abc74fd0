"""Rows that are not what the recipe says: an error with file and line, or kept aside."""

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_parts import RECIPE, build, cleaned, contents, csv_rows, left_out, remains

from shardmill.cli import main
from shardmill.errors import InputError
from shardmill.format.manifest import Manifest
from shardmill.format.verify_artifact import verify_artifact
from shardmill.raw.work_sizes import WorkSizes

N = 2_000
# By row: as it stands in the file, why it is bad, what is kept of it, what the error says.
CLASS = "label: expected one of 1, 2, found"
BAD: dict[int, tuple[bytes, str, str, str]] = {
    5: (b"1,too,many,fields\n", "field count", "1,too,many,fields", "found 4"),
    6: (b"2,too few\n", "field count", "2,too few", "found 2"),
    700: (b"1,caf\xe9,latin\n", "encoding", r"1,caf\xe9,latin", "found byte 0xe9 at column 6"),
    701: (b'1,"a,b\n', "quotes", '1,"a,b', "every quote closed"),
    1500: (b"3,no such,class\n", f"{CLASS} '3'", "3,no such,class", "found '3'"),
    1999: (b",no,class\n", f"{CLASS} ''", ",no,class", "found ''"),
}
SMALL = WorkSizes(chunk_bytes=10_000, smallest_part_bytes=30_000)
QUARANTINE = RECIPE.replace("header = false", 'header = false, on_bad_row = "quarantine"')


def rows_with(bad: list[int]) -> list[bytes]:
    return [BAD[n][0] if n in bad else row.encode() for n, row in enumerate(csv_rows(N))]


def line_of(rows: list[bytes], row: int) -> int:
    return 1 + sum(text.count(b"\n") for text in rows[:row])


def write(folder: Path, rows: list[bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "train.csv").write_bytes(b"".join(rows))
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_rows_of_every_sort_are_kept_aside_and_counted(tmp_path: Path, workers: int) -> None:
    rows = rows_with(list(BAD))
    raw = write(tmp_path / "raw", rows)
    outcome = build(QUARANTINE, raw, tmp_path / "out", workers=workers, sizes=SMALL)
    artifact = tmp_path / "out/toy"
    assert left_out(artifact).to_pylist() == [
        {"file": "train.csv", "line": line_of(rows, row), "reason": reason, "text": text}
        for row, (_, reason, text, _) in BAD.items()
    ]
    splits = Manifest.load(artifact).splits
    assert (splits["train"].rejected, splits["train"].dropped) == (len(BAD), {})
    assert (splits["validation"].rejected, splits["validation"].left_out) == (0, ())
    names = [record.path.split("/")[1] for record in splits["train"].left_out]
    # Parts without a bad row have no such file.
    assert names == ["train.rejected-00000.parquet", "train.rejected-00002.parquet"]
    assert sum(outcome.rows.values()) == N - len(BAD)
    first = artifact / splits["train"].left_out[0].path
    assert outcome.notes == (f"6 rows of train left out as bad, see {first} and 1 more",)
    verify_artifact(artifact)
    inspected = CliRunner().invoke(main, ["inspect", str(artifact)]).output
    assert f", {len(BAD)} rejected" in inspected


def test_the_rows_that_are_kept_are_those_of_a_file_without_the_others(tmp_path: Path) -> None:
    rows = rows_with(list(BAD))
    raw = write(tmp_path / "raw", rows)
    build(QUARANTINE, raw, tmp_path / "out")
    write(raw, [row for n, row in enumerate(rows) if n not in BAD])
    build(QUARANTINE, raw, tmp_path / "good")
    for split in ("train", "validation"):
        found, expected = (cleaned(tmp_path / out / "toy", split) for out in ("out", "good"))
        assert found.equals(expected)


@pytest.mark.parametrize("row", BAD)
@pytest.mark.parametrize("workers", [1, 2])
def test_by_default_a_bad_row_fails_the_build(tmp_path: Path, row: int, workers: int) -> None:
    rows = rows_with([row])
    raw = write(tmp_path / "raw", rows)
    with pytest.raises(InputError, match=rf"train\.csv, line {line_of(rows, row)}[,:]") as caught:
        build(RECIPE, raw, tmp_path / "out", workers=workers, sizes=SMALL)
    assert BAD[row][3] in str(caught.value)
    assert remains(tmp_path) == []
    assert sorted(path.name for path in (tmp_path / "out/toy").iterdir()) == [".lock"]


@pytest.mark.parametrize("workers", [1, 2])
def test_too_many_bad_rows_fail_the_build_and_leave_the_artifact(
    tmp_path: Path, workers: int
) -> None:
    recipe = QUARANTINE.replace('quarantine"', 'quarantine", max_bad_rows = 0.001')
    raw = write(tmp_path / "raw", rows_with([5, 1999]))
    build(
        recipe, raw, tmp_path / "out", workers=workers, sizes=SMALL
    )  # 2 of 2,000 are just allowed
    before = contents(tmp_path / "out")
    rows = rows_with([5, 701, 1999])
    write(raw, rows)
    message = (
        rf"train\.csv, line {line_of(rows, 5)}: expected at most 0\.001 of the rows of train "
        r"to be bad \(csv\.max_bad_rows\), found 3 of 2,000, the first: field count"
    )
    with pytest.raises(InputError, match=message):
        build(recipe, raw, tmp_path / "out", workers=workers, sizes=SMALL)
    assert contents(tmp_path / "out") == before
    verify_artifact(tmp_path / "out/toy")
    assert remains(tmp_path) == []


NO_ROWS = [
    # content, options of csv, message
    ("label,title,body\n", "header = true", r"at least one row to keep for train, found none"),
    ("\n\n", "header = false", r"at least one row to keep for train, found none"),
    (
        "3,a,b\n4,c,d\n",
        'header = false, on_bad_row = "quarantine", max_bad_rows = 1.0',
        r"at least one row .*found 2 rows, none to keep, the first: .*, line 1: label: expected",
    ),
]


@pytest.mark.parametrize(("content", "options", "message"), NO_ROWS)
def test_a_file_without_a_row_to_keep(
    tmp_path: Path, content: str, options: str, message: str
) -> None:
    raw = write(tmp_path / "raw", [content.encode()])
    with pytest.raises(InputError, match=rf"train\.csv: expected {message}"):
        build(RECIPE.replace("header = false", options), raw, tmp_path / "out")


def test_a_hold_out_that_takes_every_row(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw", [b"1,a,b\n"])
    refused = 0
    for seed in range(8):
        hold_out = f"fraction = 0.5, seed = {seed}"
        try:
            build(RECIPE.replace("fraction = 0.2", hold_out), raw, tmp_path / str(seed))
        except InputError as error:
            assert error.found == "1 rows, all held out"
            refused += 1
    assert 0 < refused < 8


def test_files_are_named_by_their_path_below_the_raw_folder(tmp_path: Path) -> None:
    names = ["a/train.csv", "a/more.csv.gz", "c/train.csv"]
    contents = [b"1,a,b\n3,c,d\n", gzip.compress(b"4,e,f\n2,g,h\n"), b"1,i,j\n5,k,l\n"]
    for name, content in zip(names, contents, strict=True):
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_bytes(content)
    files = '[{ path = "a/t*.csv" }, { path = "a/more.csv" }, { path = "c/train.csv" }]'
    recipe = QUARANTINE.replace('train.csv.path = "train.csv"', f"train.csv = {files}")
    allowed = recipe.replace('quarantine"', 'quarantine", max_bad_rows = 0.5')
    build(allowed, tmp_path / "raw", tmp_path / "out")
    # As the manifest names them, so that compressing a file changes nothing.
    assert left_out(tmp_path / "out/toy")["file"].to_pylist() == [
        "a/train.csv",
        "a/more.csv",
        "c/train.csv",
    ]


def test_a_folder_whose_name_looks_like_a_message(tmp_path: Path) -> None:
    raw = write(tmp_path / "a: b", rows_with([5, 701]))
    recipe = QUARANTINE.replace('quarantine"', 'quarantine", max_bad_rows = 0.0001')
    with pytest.raises(InputError) as caught:
        build(recipe, raw, tmp_path / "out")
    assert caught.value.where == f"{raw / 'train.csv'}, line 6"
    assert caught.value.found == "2 of 2,000, the first: field count"
