"""A part is cleaned on its own: rows, hold-outs, prepared rows, and what is left out."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shardmill.errors import FieldCountError, UnknownClassError
from shardmill.kinds.find_kind import find_kind
from shardmill.pipeline.builds.generation import Generation
from shardmill.pipeline.stages.clean_job import CleanJob
from shardmill.pipeline.stages.clean_part import CleanedPart, clean_part
from shardmill.raw.cut_parts import Part
from shardmill.raw.raw_files import read_raw
from shardmill.raw.sources import split_source
from shardmill.recipe.load_recipe import parse_recipe

RECIPE = """
name = "toy"
kind = "text"
csv = { header = false, on_bad_row = "quarantine" }
target = { column = "label", classes = ["no", "yes"], first = 1 }
splits.train.csv.path = "train.csv"
splits.validation.hold_out = { split = "train", fraction = 0.25 }
text = { columns = ["label", "body"], join = ["body"] }
"""
FAIL = RECIPE.replace("quarantine", "fail")
ROWS = [f"{n % 2 + 1},row {n}\n" for n in range(40)]


def job(folder: Path, recipe: str, content: str) -> CleanJob:
    parsed = parse_recipe(recipe, where="here")
    (folder / "train.csv").write_text(content)
    raw = {"train.csv": (read_raw(folder / "train.csv"),)}
    (folder / "prepared").mkdir()
    (folder / "out").mkdir()
    return CleanJob(
        parsed,
        "train",
        split_source(parsed, parsed.splits["train"], raw, find_kind(parsed).source_columns(parsed)),
        Generation("clean-0", folder / "out"),
        folder / "prepared",
        {folder / "train.csv": "train.csv"},
    )


def whole(job: CleanJob, index: int = 0, *, chunk_bytes: int = 2**20) -> Part:
    return Part(index, tuple(job.source.chunks(chunk_bytes)))


def read(folder: Path, part: CleanedPart) -> pa.Table:
    assert part.parquet is not None
    return pq.read_table(folder / "out" / part.parquet.path.split("/")[1])


def test_every_row_is_in_one_split(tmp_path: Path) -> None:
    task = job(tmp_path, RECIPE, "".join(ROWS))
    done = clean_part(task, whole(task, 7))
    assert {name: part.rows for name, part in done.items()} == {"validation": 10, "train": 30}
    files = {name: part.parquet.path for name, part in done.items() if part.parquet}
    assert files == {name: f"clean-0/{name}-00007.parquet" for name in ("validation", "train")}
    texts = [text for part in done.values() for text in read(tmp_path, part)["text"].to_pylist()]
    assert sorted(texts) == sorted(f"row {n}" for n in range(40))
    for part in done.values():
        assert (part.dropped, part.bad, part.left_out) == ({}, 0, None)
        assert part.prepared is not None and part.prepared.tokens is not None
        with pa.memory_map(str(part.prepared.tokens)) as tokens:
            assert len(pa.ipc.open_file(tokens).read_all()) == part.rows + 1


def test_metadata_says_what_the_rows_are(tmp_path: Path) -> None:
    task = job(tmp_path, RECIPE, "".join(ROWS))
    for name, part in clean_part(task, whole(task)).items():
        found = read(tmp_path, part).schema.metadata
        assert found[b"shardmill.name"] == b"toy"
        assert found[b"shardmill.split"] == name.encode()
        assert found[b"shardmill.generation"] == b"clean-0"


def test_another_part_draws_other_rows(tmp_path: Path) -> None:
    task = job(tmp_path, RECIPE, "".join(ROWS))
    held_out = [
        read(tmp_path, clean_part(task, whole(task, index))["validation"])["text"].to_pylist()
        for index in (0, 1, 0)
    ]
    assert held_out[0] == held_out[2] != held_out[1]


def test_chunks_of_any_size_give_the_same_rows(tmp_path: Path) -> None:
    task = job(tmp_path, RECIPE, "".join(ROWS))
    content = [read(tmp_path, part) for part in clean_part(task, whole(task)).values()]
    part = whole(task, chunk_bytes=30)
    assert len(part.chunks) > 10
    assert [read(tmp_path, part) for part in clean_part(task, part).values()] == content


def test_without_drafts(tmp_path: Path) -> None:
    task = job(tmp_path, RECIPE, "".join(ROWS))
    task = replace(task, scratch=None)
    assert {part.prepared for part in clean_part(task, whole(task)).values()} == {None}
    assert list((tmp_path / "prepared").iterdir()) == []


def test_rows_that_are_left_out_keep_their_place(tmp_path: Path) -> None:
    rows = [*ROWS]
    rows[3] = "3,another class\n"
    rows[7] = "1,too,many\n"
    rows[20] = '1,"of two\nlines"\n'
    rows[30] = "x,\n"
    task = job(tmp_path, RECIPE, "".join(rows))
    done = clean_part(task, whole(task, chunk_bytes=60))
    assert sum(part.rows for part in done.values()) == 37
    assert (done["train"].bad, done["validation"].bad) == (3, 0)
    expected = "label: expected one of 1, 2, found"
    first = done["train"].first_bad
    assert first is not None
    assert str(first.place) == f"{tmp_path / 'train.csv'}, line 4"
    assert first.reason == f"{expected} '3'"
    assert done["train"].left_out is not None
    path = done["train"].left_out.path
    assert path == "clean-0/train.rejected-00000.parquet"
    assert pq.read_table(tmp_path / "out" / path.split("/")[1]).to_pylist() == [
        {"file": "train.csv", "line": line, "reason": reason, "text": text}
        for line, reason, text in [
            (4, f"{expected} '3'", "3,another class"),
            (8, "field count", "1,too,many"),
            (32, f"{expected} 'x'", "x,"),
        ]
    ]


def test_a_part_of_bad_rows_alone_has_no_rows(tmp_path: Path) -> None:
    task = job(tmp_path, RECIPE, "3,x\n4,y\n")
    done = clean_part(task, whole(task))
    assert {part.parquet for part in done.values()} == {None}
    assert done["train"].bad == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["train.rejected-00000.parquet"]


FAULTS = [
    ("3,x\n", UnknownClassError, r"train\.csv, line 4, column label: expected one of 1, 2"),
    ("1,x,y\n", FieldCountError, r"train\.csv, line 4: expected 2 fields, found 3"),
]


@pytest.mark.parametrize(("row", "error", "message"), FAULTS)
def test_without_quarantine_the_first_bad_row_is_an_error(
    tmp_path: Path, row: str, error: type[Exception], message: str
) -> None:
    task = job(tmp_path, FAIL, "".join([*ROWS[:3], row, *ROWS[4:9], row]))
    with pytest.raises(error, match=message):
        clean_part(task, whole(task))
