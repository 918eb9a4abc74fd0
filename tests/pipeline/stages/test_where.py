"""Several splits that take rows of one file, by the values of a column."""

from pathlib import Path

import pytest
from small_parts import build, cleaned, left_out

from shardmill.errors import EmptyFileError, ValueFormatError
from shardmill.format.manifest import Manifest
from shardmill.raw.work_sizes import WorkSizes

RECIPE = """
name = "toy"
kind = "tabular"
target = { column = "y", classes = ["no", "yes"] }
splits.train.csv = { path = "all.csv", where = { use = ["train", "more"] } }
splits.test.csv = { path = "all.csv", where = { use = "test" } }
[columns]
n = { dtype = "int64" }
use = { dtype = "str", drop = true }
y = { dtype = "str" }
"""
TEXTS = """
name = "toy"
kind = "text"
csv.header = false
splits.train.csv = { path = "all.csv", where = { use = "train" } }
splits.test.csv = { path = "all.csv", where = { use = "test" } }
[text]
columns = ["body", "use"]
join = ["body"]
"""
SMALL = WorkSizes(chunk_bytes=100, smallest_part_bytes=300)


def raw(tmp_path: Path, content: str) -> Path:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/all.csv").write_text(content)
    return tmp_path / "raw"


def test_each_row_goes_to_its_split(tmp_path: Path) -> None:
    uses = ["train", "test", " more ", "nothing"]
    rows = [f"{n},{uses[n % 4]},{'no yes'.split()[n % 2]}\n" for n in range(200)]
    folder = raw(tmp_path, "n,use,y\n" + "".join(rows))
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        build(RECIPE, folder, out, sizes=SMALL, workers=workers)
        found = {s: cleaned(out / "toy", s)["n"].to_pylist() for s in ("train", "test")}
        assert found == {"train": list(range(0, 200, 2)), "test": list(range(1, 200, 4))}
    # The file is hashed once.
    assert len(Manifest.load(out / "toy").splits) == 2


def test_texts_without_a_header(tmp_path: Path) -> None:
    build(TEXTS, raw(tmp_path, "a b,train\nb c,test\nc d,train\n"), tmp_path / "out")
    found = {s: cleaned(tmp_path / "out/toy", s)["text"].to_pylist() for s in ("train", "test")}
    assert found == {"train": ["a b", "c d"], "test": ["b c"]}


def test_faults_name_the_line_of_the_file(tmp_path: Path) -> None:
    folder = raw(tmp_path, "n,use,y\nx,test,no\n1,train,no\n2,test,no\ny,train,no\n")
    with pytest.raises(ValueFormatError, match=r"all\.csv, line 5, column n: .*found 'y'"):
        build(RECIPE, folder, tmp_path / "out")
    recipe = f'csv = {{ on_bad_row = "quarantine", max_bad_rows = 0.5 }}\n{RECIPE}'
    build(recipe, folder, tmp_path / "out")
    lines = {s: left_out(tmp_path / "out/toy", s)["line"].to_pylist() for s in ("train", "test")}
    assert lines == {"train": [5], "test": [2]}


def test_no_row_has_the_value(tmp_path: Path) -> None:
    folder = raw(tmp_path, "n,use,y\n1,train,no\n")
    with pytest.raises(EmptyFileError, match="at least one row to keep for test, found none"):
        build(RECIPE, folder, tmp_path / "out")


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_that_no_split_takes(tmp_path: Path, workers: int) -> None:
    uses = ["train", "test", "more", "nothing", "else", "nothing "]
    rows = [f"{n},{uses[n % 6]},no\n" for n in range(600)]
    folder = raw(tmp_path, "n,use,y\n" + "".join(rows))
    outcome = build(RECIPE, folder, tmp_path / "out", sizes=SMALL, workers=workers)
    assert outcome.notes == (
        "300 rows of the files of train are in no split, since no where takes them, "
        "most often use = 'nothing' (200 rows)",
    )
    (folder / "all.csv").write_text("n,use,y\n1,train,no\n2,test,no\n")
    assert build(RECIPE, folder, tmp_path / "out").notes == ()


def test_rows_that_no_split_takes_by_several_columns(tmp_path: Path) -> None:
    folder = raw(tmp_path, "a,train\na,test\na c,train\na,train\na,more\na,\n")
    recipe = TEXTS.replace('{ use = "train" }', '{ use = "train", body = "a" }')
    notes = build(recipe, folder, tmp_path / "out").notes
    assert notes == (
        "3 rows of the files of train are in no split, since no where takes them, "
        "most often use = '', body = 'a' (1 row)",
    )
    # A split without targets may take all rows beside the others.
    recipe += '[splits.new]\ncsv.path = "all.csv"\nlabelled = false'
    (note,) = build(recipe, folder, tmp_path / "out").notes
    assert note.startswith("1 of 7 tokens in new")


def test_very_many_values_that_no_split_takes(tmp_path: Path) -> None:
    rows = "".join(f"a,{n}\n" for n in range(2_000))
    folder = raw(tmp_path, f"a,train\na,test\n{rows}")
    note = "2,000 rows of the files of train are in no split, since no where takes them"
    for sizes in (SMALL, WorkSizes()):
        assert build(TEXTS, folder, tmp_path / "out", sizes=sizes, force=True).notes == (note,)
