"""Builds of many parts: the same bytes in any processes, from any spelling of the raw files."""

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from oracles import basic_english
from small_parts import (
    RECIPE,
    SMALL,
    build,
    cleaned,
    contents,
    csv_rows,
    parts,
    remains,
    shards,
)

import shardmill
from shardmill.errors import InputError
from shardmill.format.manifest import Manifest
from shardmill.format.read_checked import read_raw_records
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.builds import (
    build_artifacts as build_module,
    plan_build,
    read_content,
    run_stages,
)
from shardmill.pipeline.builds.plan_build import Plan
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw import raw_files
from shardmill.raw.work_sizes import WorkSizes

ROWS = csv_rows(7_000)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "train.csv").write_text("".join(ROWS), encoding="utf-8")
    return folder


def test_workers_and_stages_leave_no_trace(raw: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"rows_per_shard": 4096, "sizes": SMALL}
    outcome = build(RECIPE, raw, tmp_path / "1", **options)
    artifact = tmp_path / "1" / "toy"
    expected = contents(tmp_path / "1")
    assert len(parts(artifact)) > 4
    assert len(parts(artifact, "validation")) == len(parts(artifact))
    assert [len(s.shards) for s in Manifest.load(artifact).splits.values()] == [2, 1]
    assert sum(outcome.rows.values()) == len(ROWS)
    verify_artifact(artifact)
    for workers in (2, 3):
        build(RECIPE, raw, tmp_path / str(workers), workers=workers, **options)
        assert contents(tmp_path / str(workers)) == expected
    for stage, workers in (("clean", 1), ("shard", 2)):
        build(RECIPE, raw, tmp_path / "apart", stages=(stage,), workers=workers, **options)
    assert contents(tmp_path / "apart") == expected


def test_rows_keep_their_order_across_parts(raw: Path, tmp_path: Path) -> None:
    build(RECIPE, raw, tmp_path / "out", sizes=SMALL)
    artifact = tmp_path / "out" / "toy"
    numbers = {}
    for split in ("train", "validation"):
        texts = cleaned(artifact, split)["text"].to_pylist()
        numbers[split] = [int(text.split('"')[1]) for text in texts]
        ds = shardmill.TextDataset(artifact, split)
        oracle = [basic_english(text) for text in texts]
        assert [ds.vocab.lookup_tokens(row.tolist()) for row, _ in ds] == [
            [token if token in ds.vocab else "<unk>" for token in tokens] for tokens in oracle
        ]
    assert all(n == sorted(n) for n in numbers.values())
    assert sorted([*numbers["train"], *numbers["validation"]]) == list(range(len(ROWS)))
    share = len(numbers["validation"]) / len(ROWS)
    assert abs(share - 0.2) * len(ROWS) <= 2 * len(parts(artifact))  # one row a class and part


IMAGES = """
name = "toy"
kind = "image"
target.classes = ["a", "b", "c"]
splits.train = { images.path = "images", labels.path = "labels" }
splits.validation.hold_out = { split = "train", fraction = 0.25 }
"""


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_statistics_of_images_do_not_depend_on_the_way_of_building(
    tmp_path: Path, dtype: str
) -> None:
    # Row groups are of several chunks here: sums of floats would tell chunks from row groups.
    sizes = WorkSizes(chunk_bytes=60_000, smallest_part_bytes=10 * 2**20)
    draw = np.random.default_rng(0)
    images = (draw.random((40_000, 5, 3)) * 255).astype(dtype)
    (tmp_path / "images").write_bytes(encode_idx(images))
    (tmp_path / "labels").write_bytes(encode_idx(draw.integers(0, 3, 40_000).astype(np.uint8)))
    build(IMAGES, tmp_path, tmp_path / "1", sizes=sizes)
    build(IMAGES, tmp_path, tmp_path / "2", workers=2, stages=("clean",), sizes=sizes)
    build(IMAGES, tmp_path, tmp_path / "2", stages=("shard",), sizes=sizes)
    assert contents(tmp_path / "2") == contents(tmp_path / "1")
    found = Manifest.load(tmp_path / "1/toy").statistics["image"]
    held_out = cleaned(tmp_path / "1/toy", "validation")
    assert len(held_out) == pytest.approx(10_000, abs=3 * len(parts(tmp_path / "1/toy")))
    assert found.mean == pytest.approx(float(images.mean()), rel=0.01)


SEVERAL = [
    # what the recipe names, the files and where each ends
    ('csv.path = "part-*.csv"', ["part-1.csv", "part-2.csv", "part-3.csv"]),
    ('csv = [{ path = "b.csv" }, { path = "a.csv" }, { path = "c.csv" }]', "b.csv a.csv c.csv"),
    ('csv = [{ path = "x-?.csv" }, { path = "a.csv" }]', "x-1.csv x-2.csv a.csv"),
]


@pytest.mark.parametrize(("named", "files"), SEVERAL)
@pytest.mark.parametrize("workers", [1, 2])
def test_several_files_are_one_split(
    raw: Path,
    tmp_path: Path,
    named: str,
    files: str | list[str],
    workers: int,
) -> None:
    whole = WorkSizes(smallest_part_bytes=2**30, largest_part_bytes=2**30)  # one part
    build(RECIPE, raw, tmp_path / "one", sizes=whole)
    names = files.split() if isinstance(files, str) else files
    edges = [0, 100, 4_000, len(ROWS)]
    for name, start, stop in zip(names, edges, edges[1:], strict=False):
        (raw / name).write_text("".join(ROWS[start:stop]), encoding="utf-8")
    recipe = RECIPE.replace('csv.path = "train.csv"', named)
    build(recipe, raw, tmp_path / "several", workers=workers, sizes=whole)
    one, several = (tmp_path / name / "toy" for name in ("one", "several"))
    assert shards(several) == shards(one)
    records = read_raw_records(several, Manifest.load(several))
    assert sorted(record.path for record in records) == sorted(names)
    outcome = build(recipe, raw, tmp_path / "cut", workers=workers, sizes=SMALL)
    assert sum(outcome.rows.values()) == len(ROWS)
    assert len(parts(tmp_path / "cut/toy")) > 4


def gzipped(text: str) -> bytes:
    return gzip.compress(text.encode())


def gzip_members(text: str) -> bytes:
    content = text.encode()
    return gzip.compress(content[:1000]) + gzip.compress(content[1000:])


def zstd(text: str) -> bytes:
    return bytes(pa.Codec("zstd").compress(text.encode(), asbytes=True))


SPELLINGS: dict[str, tuple[str, Any]] = {
    "gzip": ("", gzipped),
    "gzip members": ("", gzip_members),
    "zstd": ("", zstd),
    "byte order mark": ("", lambda text: text.encode("utf-8-sig")),
    "latin-1": ("latin-1", lambda text: text.encode("latin-1")),
    "utf-16": ("utf-16", lambda text: text.encode("utf-16")),
    "utf-16-be": ("utf-16-be", lambda text: text.encode("utf-16-be")),
    "gzip of cp1252": ("cp1252", lambda text: gzip.compress(text.encode("cp1252"))),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_of_the_raw_file_leaves_no_trace(raw: Path, tmp_path: Path, spelling: str) -> None:
    # A part is a share of the whole here; the size of the raw file must not move it.
    sizes = replace(SMALL, parts=8)
    build(RECIPE, raw, tmp_path / "plain", sizes=sizes)
    encoding, encode = SPELLINGS[spelling]
    (raw / "train.csv").write_bytes(encode("".join(ROWS)))
    recipe = RECIPE.replace("header = false", f'header = false, encoding = "{encoding}"')
    build(recipe if encoding else RECIPE, raw, tmp_path / "other", workers=2, sizes=sizes)
    plain, other = (tmp_path / name / "toy" for name in ("plain", "other"))
    assert parts(other) == parts(plain)
    for split in ("train", "validation"):
        assert cleaned(other, split).equals(cleaned(plain, split))
    assert shards(other) == shards(plain)
    assert remains(tmp_path) == []


def test_latin_1_read_as_utf_8_names_the_line(raw: Path, tmp_path: Path) -> None:
    row = next(n for n, text in enumerate("".join(ROWS).split("\n")) if not text.isascii())
    (raw / "train.csv").write_bytes("".join(ROWS).encode("latin-1"))
    with pytest.raises(InputError, match=rf"train\.csv, line {row + 1}: expected UTF-8"):
        build(RECIPE, raw, tmp_path / "out")


# What changes under a build.


def change_before_reading(monkeypatch: pytest.MonkeyPatch, path: Path, content: bytes) -> None:
    """Replace a raw file between the plan of a build and its first stage."""
    real = plan_build.with_copies

    def late(plan: Plan, copies: Path) -> Plan:
        path.write_bytes(content)
        return real(plan, copies)

    monkeypatch.setattr(run_stages, "with_copies", late)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_a_raw_file_that_changes_after_the_plan(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool, known: bool
) -> None:
    path, text = raw / "train.csv", "".join(ROWS[:500])
    path.write_bytes(gzipped(text) if compressed else text.encode())
    if known:
        build(RECIPE, raw, tmp_path / "out")
    before = contents(tmp_path / "out")
    later = "".join(ROWS[:501])
    change_before_reading(monkeypatch, path, gzipped(later) if compressed else later.encode())
    if compressed and not known:
        # What was hashed was copied with the same read, so the change comes too late to matter.
        assert sum(build(RECIPE, raw, tmp_path / "out").rows.values()) == 500
        return
    with pytest.raises(InputError, match=r"train\.csv: .*leave the file alone while it is read"):
        build(RECIPE, raw, tmp_path / "out", force=True)
    left = contents(tmp_path / "out")
    left.pop("toy/.lock", None)
    before.pop("toy/.lock", None)
    assert left == before
    assert remains(tmp_path) == []


def test_a_raw_file_that_is_touched_after_the_plan(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_before_reading(monkeypatch, raw / "train.csv", (raw / "train.csv").read_bytes())
    assert build(RECIPE, raw, tmp_path / "out").status == "built"


# What need not be done.


@pytest.mark.parametrize("compressed", [False, True])
def test_up_to_date_reads_no_raw_bytes_and_takes_no_lock(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    if compressed:
        (raw / "train.csv").write_bytes(gzipped("".join(ROWS)))
    built = build(RECIPE, raw, tmp_path / "out")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("not needed")

    for module in (read_content, raw_files):
        monkeypatch.setattr(module, "plain_copy", never)
    for module, name in (
        *((build_module, name) for name in ("locked", "new_scratch")),
        *((run_stages, name) for name in ("run_stages", "with_copies", "run_clean", "run_shard")),
    ):
        monkeypatch.setattr(module, name, never)
    for options in ({}, {"stages": ("clean",)}, {"stages": ("shard",)}, {"dry_run": True}):
        assert build(RECIPE, raw, tmp_path / "out", **options).status == "up to date"
    assert build(RECIPE, raw, tmp_path / "out").rows == built.rows


@pytest.mark.parametrize("compressed", [False, True])
def test_a_raw_file_that_is_touched_is_read_once_more_and_no_more(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    if compressed:
        (raw / "train.csv").write_bytes(gzipped("".join(ROWS)))
    build(RECIPE, raw, tmp_path / "out")
    before = contents(tmp_path / "out")
    facts = json.loads((tmp_path / "out/toy/build.json").read_bytes())
    (raw / "train.csv").touch()
    assert build(RECIPE, raw, tmp_path / "out").status == "up to date"
    assert contents(tmp_path / "out") == before
    after = json.loads((tmp_path / "out/toy/build.json").read_bytes())
    assert after.pop("raw") != facts.pop("raw")
    assert after == facts

    def never(*_: object, **__: object) -> None:
        raise AssertionError("not needed")

    monkeypatch.setattr(read_content, "plain_copy", never)
    monkeypatch.setattr(build_module, "locked", never)
    assert build(RECIPE, raw, tmp_path / "out").status == "up to date"


def test_a_folder_that_cannot_be_written_may_be_up_to_date(raw: Path, tmp_path: Path) -> None:
    build(RECIPE, raw, tmp_path / "out")
    folders = [tmp_path / "out", *(p for p in (tmp_path / "out").rglob("*") if p.is_dir())]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert build(RECIPE, raw, tmp_path / "out").status == "up to date"
        after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
        assert after == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_dry_run_writes_nothing(raw: Path, tmp_path: Path) -> None:
    (raw / "train.csv").write_bytes(gzipped("".join(ROWS)))
    outcome = build(RECIPE, raw, tmp_path / "out", dry_run=True)
    assert (outcome.status, set(outcome.reasons)) == ("to build", {"clean", "shard"})
    assert not (tmp_path / "out").exists()
    build(RECIPE, raw, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    (raw / "train.csv").write_bytes(gzipped("".join(ROWS[1:])))
    os.utime(raw, ns=(before[raw], before[raw]))
    outcome = build(RECIPE, raw, tmp_path / "out", dry_run=True)
    assert outcome.reasons["shard"] == "changed since the last build: train.csv"
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert {path for path in after if after[path] != before.get(path)} == {raw / "train.csv"}
