"""Builds of many parts: the same bytes in any processes, from any spelling of the raw files."""

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from oracles import basic_english
from parts_of_builds import ROWS, gzipped
from small_parts import (
    RECIPE,
    SMALL,
    build,
    cleaned,
    contents,
    parts,
    remains,
    shards,
)

import shardmill
from shardmill.errors import InputError
from shardmill.format.manifest import Manifest
from shardmill.format.read_checked import read_raw_records
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw.work_sizes import WorkSizes


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
