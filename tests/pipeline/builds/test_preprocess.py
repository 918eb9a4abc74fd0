"""Builds: what they write, when they run again, and what they leave alone."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shardmill.errors import InputError
from shardmill.format.manifest import Manifest
from shardmill.format.shard_file import read_header
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.builds.build_artifacts import (
    BuildOptions,
    Outcome,
    build_artifacts,
    worthwhile_workers,
)
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.raw.image_table import image_rows
from shardmill.recipe.load_recipe import parse_recipe

TABULAR = """
name = "toy"
kind = "tabular"
description = "before"
[columns]
size = { dtype = "float64", missing = "drop" }
colour = { dtype = "str", map = { red = 0, blue = 1 } }
note = { dtype = "str", drop = true }
kept = { dtype = "int64" }
[target]
column = "kept"
classes = ["no", "yes"]
first = 0
[splits.train]
csv = { path = "toy/train.csv" }
[splits.validation]
hold_out = { split = "train", fraction = 0.25 }
[splits.test]
optional = true
labelled = false
csv = { path = "toy/test.csv" }
"""
IMAGE = """
name = "toy"
kind = "image"
description = "before"
[target]
classes = ["no", "yes"]
[splits.train]
images = { path = "images" }
labels = { path = "labels" }
[splits.validation]
hold_out = { split = "train", fraction = 0.25 }
"""
TEXT = """
name = "toy"
kind = "text"
description = "before"
[csv]
header = false
[text]
columns = ["kept", "title", "body"]
join = ["title", "body"]
clean = ["lowercase"]
[target]
column = "kept"
classes = ["no", "yes"]
first = 1
[vocabulary]
min_freq = 1
[splits.train.csv]
path = "train.csv"
[splits.validation]
hold_out = { split = "train", fraction = 0.25 }
"""
ROWS = 40


def encode_idx(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write_tabular(raw: Path) -> None:
    (raw / "toy").mkdir()
    rows = [f"{n},{'red' if n % 3 else 'blue'},x,{n % 2}" for n in range(ROWS)]
    (raw / "toy/train.csv").write_text("\n".join(["size,colour,note,kept", *rows]))


def write_image(raw: Path) -> None:
    images = np.arange(ROWS * 6, dtype=np.uint8).reshape(ROWS, 2, 3)
    (raw / "images").write_bytes(encode_idx(images))
    (raw / "labels").write_bytes(encode_idx(np.arange(ROWS, dtype=np.uint8) % 2))


def write_text(raw: Path) -> None:
    (raw / "train.csv").write_text(
        "".join(f'{n % 2 + 1},"Word {n}",the end\n' for n in range(ROWS))
    )


class Toy:
    """A recipe and its raw files in a folder of their own."""

    def __init__(self, folder: Path, recipe: str, write: Callable[[Path], None]) -> None:
        self.raw, self.out, self.recipe = folder / "raw", folder / "out", recipe
        self.artifact = self.out / "toy"
        self.raw.mkdir(parents=True)
        write(self.raw)

    def build(
        self,
        *,
        out: Path | None = None,
        workers: int = 1,
        rows_per_shard: int | None = None,
        force: bool = False,
        stages: tuple[str, ...] = ("clean", "shard"),
    ) -> Outcome:
        options = BuildOptions(
            out=out or self.out,
            workers=workers,
            rows_per_shard=rows_per_shard,
            force=force,
            stages=stages,
        )
        sources = Sources((parse_recipe(self.recipe, where="toy.toml"),), self.raw)
        return build_artifacts(sources, options)[0]

    def manifest(self) -> Manifest:
        return Manifest.load(self.artifact)

    def table(self, split: str) -> pa.Table:
        (record,) = self.manifest().splits[split].parquet
        return pq.read_table(self.artifact / record.path)


KINDS = {
    "tabular": (TABULAR, write_tabular),
    "image": (IMAGE, write_image),
    "text": (TEXT, write_text),
}


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path, *KINDS["tabular"])


@pytest.fixture(params=KINDS)
def any_toy(tmp_path: Path, request: pytest.FixtureRequest) -> Toy:
    return Toy(tmp_path, *KINDS[request.param])


def tree(folder: Path) -> dict[str, bytes]:
    """Every file but build.json, which says when and where, and the lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("build.json", ".lock")
    }


def times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def generations(artifact: Path) -> set[str]:
    return {path.name for path in artifact.iterdir() if path.is_dir()}


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# What a build gives.


def test_build(any_toy: Toy) -> None:
    outcome = any_toy.build()
    assert outcome.status == "built"
    assert outcome.rows == {"train": 30, "validation": 10}
    assert not outcome.sample
    manifest = any_toy.manifest()
    assert manifest.classes == ("no", "yes")
    assert {name: split.rows for name, split in manifest.splits.items()} == outcome.rows
    assert verify_artifact(any_toy.artifact).files == len(list(manifest.files()))
    written = {f for f in tree(any_toy.artifact) if not f.endswith("clean.json")}
    assert written == {"manifest.json", *(file.path for file in manifest.files())}
    for split in manifest.splits.values():
        for shard in split.shards:
            assert {"x", "y"} <= set(read_header(any_toy.artifact / shard.path))


def test_build_again_is_up_to_date_and_touches_nothing(any_toy: Toy) -> None:
    any_toy.build()
    before = times(any_toy.artifact)
    outcome = any_toy.build()
    assert (outcome.status, outcome.reasons) == ("up to date", {})
    assert outcome.rows == {"train": 30, "validation": 10}
    assert times(any_toy.artifact) == before


def test_any_number_of_workers_gives_the_same_bytes(any_toy: Toy, tmp_path: Path) -> None:
    any_toy.build(workers=1)
    any_toy.build(workers=2, out=tmp_path / "other")
    assert tree(tmp_path / "other") == tree(any_toy.out)


@pytest.mark.parametrize(
    ("mib", "cores", "workers"), [(0, 4, 1), (63, 4, 1), (64, 4, 2), (999, 4, 4)]
)
def test_workers_by_size(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, mib: int, cores: int, workers: int
) -> None:
    os.truncate(toy.raw / "toy/train.csv", mib * 2**20)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    sources = Sources((parse_recipe(toy.recipe, where="toy.toml"),), toy.raw)
    assert worthwhile_workers(sources) == workers


def test_forced_build_gives_the_same_bytes(any_toy: Toy) -> None:
    any_toy.build()
    before = tree(any_toy.out)
    outcome = any_toy.build(force=True)
    assert outcome.status == "built"
    assert set(outcome.reasons.values()) == {"asked for"}
    assert tree(any_toy.out) == before


@pytest.mark.parametrize("workers", [1, 2])
def test_several_shards_hold_all_rows_in_order(toy: Toy, workers: int) -> None:
    rows = 35_000
    lines = [f"{n},red,x,{n % 2}\n" for n in range(rows)]
    (toy.raw / "toy/train.csv").write_text("size,colour,note,kept\n" + "".join(lines))
    toy.recipe = TABULAR.replace("fraction = 0.25", "fraction = 0.001")
    toy.build(rows_per_shard=16_384, workers=workers)
    split = toy.manifest().splits["train"]
    assert [shard.rows for shard in split.shards] == [16_384, 16_384, split.rows - 32_768]
    held_out = toy.table("validation").column("size").to_pylist()
    rest = [n for n in range(rows) if n not in held_out]
    assert toy.table("train").column("size").to_pylist() == rest


def test_more_rows_than_a_row_group_in_one_block(toy: Toy) -> None:
    lines = ["1,red,x,1\n"] * 40_000
    (toy.raw / "toy/train.csv").write_text("size,colour,note,kept\n" + "".join(lines))
    assert toy.build().rows == {"train": 30_000, "validation": 10_000}


# Hold-outs, optional and unlabelled splits, dropped rows.


def test_hold_out_and_the_rest_are_all_rows(toy: Toy) -> None:
    toy.build()
    train = toy.table("train").column("size").to_pylist()
    held_out = toy.table("validation").column("size").to_pylist()
    assert sorted([*train, *held_out]) == list(range(ROWS))
    assert train == sorted(train) and held_out == sorted(held_out)
    assert sorted(toy.table("validation").column("kept").to_pylist()) == [0] * 5 + [1] * 5


def test_optional_split_comes_and_goes_with_its_file(toy: Toy) -> None:
    toy.build()
    assert set(toy.manifest().splits) == {"train", "validation"}

    (toy.raw / "toy/test.csv").write_text("size,colour,note\n1.5,red,x\n")
    assert toy.build().rows == {"train": 30, "validation": 10, "test": 1}
    test = toy.manifest().splits["test"]
    assert not test.labelled
    assert [field.name for field in test.fields] == ["x"]
    assert toy.table("test").column_names == ["size", "colour"]

    (toy.raw / "toy/test.csv").unlink()
    assert toy.build().reasons["shard"] == "changed since the last build: toy/test.csv"
    assert set(toy.manifest().splits) == {"train", "validation"}


def test_an_optional_train_split_that_is_absent(toy: Toy) -> None:
    toy.recipe = TABULAR.replace("[splits.train]", "[splits.train]\noptional = true")
    (toy.raw / "toy/train.csv").rename(toy.raw / "toy/test.csv")
    (toy.raw / "toy/test.csv").write_text("size,colour,note\n1.5,red,x\n")
    with pytest.raises(InputError, match="train"):
        toy.build()


def test_dropped_rows_are_counted_and_kept_aside(toy: Toy) -> None:
    replace_in(toy.raw / "toy/train.csv", "\n3,blue,x", "\n,blue,three")
    replace_in(toy.raw / "toy/train.csv", "\n7,red,x", "\n,red,seven")
    outcome = toy.build()
    train = toy.manifest().splits["train"]
    assert train.dropped == {"size is missing": 2}
    assert toy.manifest().splits["validation"].dropped == {}
    assert train.rows + toy.manifest().splits["validation"].rows == ROWS - 2
    assert train.rejected == 0
    (left_out,) = train.left_out
    assert left_out.path.endswith("/train.rejected-00000.parquet")
    assert outcome.notes == (f"2 rows of train dropped, see {toy.artifact / left_out.path}",)
    assert pq.read_table(toy.artifact / left_out.path).to_pylist() == [
        {"file": "toy/train.csv", "line": line, "reason": "size is missing", "text": text}
        for line, text in [(5, ",blue,three,1"), (9, ",red,seven,1")]
    ]


def test_a_split_called_train_rejected(toy: Toy) -> None:
    replace_in(toy.raw / "toy/train.csv", "\n3,blue,x", "\n,blue,three")
    toy.recipe = TABULAR.replace("splits.test", "splits.train-rejected")
    (toy.raw / "toy/test.csv").write_text("size,colour,note\n1.5,red,x\n")
    toy.build()
    verify_artifact(toy.artifact)


def test_images_are_bytes_in_parquet(tmp_path: Path) -> None:
    toy = Toy(tmp_path, *KINDS["image"])
    toy.build()
    table = toy.table("train")
    assert table.schema.field("image").type == pa.binary(6)
    facts = {b"dtype": b"uint8", b"shape": b"[1, 2, 3]"}  # torch's [1, h, w]
    assert table.schema.field("image").metadata.items() >= facts.items()
    images = image_rows(table)
    assert images.shape == (30, 1, 2, 3)
    assert toy.table("train").column("label").type == pa.int64()
    held_out = image_rows(toy.table("validation"))
    first = sorted([*images[:, 0, 0, 0].tolist(), *held_out[:, 0, 0, 0].tolist()])
    assert first == sorted(n * 6 % 256 for n in range(ROWS))


def test_text_is_parquet_of_cleaned_text(tmp_path: Path) -> None:
    toy = Toy(tmp_path, *KINDS["text"])
    toy.build()
    texts = [*toy.table("train")["text"].to_pylist(), *toy.table("validation")["text"].to_pylist()]
    assert sorted(texts) == sorted(f"word {n} the end" for n in range(ROWS))


# Why a build runs again.


def test_reasons_of_the_first_build(toy: Toy) -> None:
    assert toy.build().reasons == {
        "clean": "no cleaned rows of these raw files and this recipe",
        "shard": "there is no artifact yet",
    }


def test_changed_raw_file(toy: Toy) -> None:
    toy.build()
    replace_in(toy.raw / "toy/train.csv", "5,red", "5,blue")
    assert toy.build().reasons == {
        "clean": "no cleaned rows of these raw files and this recipe",
        "shard": "changed since the last build: toy/train.csv",
    }
    assert toy.build().status == "up to date"


def test_touched_raw_file_is_no_change(toy: Toy) -> None:
    toy.build()
    os.utime(toy.raw / "toy/train.csv", ns=(1, 1))
    assert toy.build().status == "up to date"


def test_changed_recipe(toy: Toy) -> None:
    toy.build()
    toy.recipe = TABULAR.replace("red = 0, blue = 1", "red = 1, blue = 0")
    assert toy.build().reasons == {
        "clean": "no cleaned rows of these raw files and this recipe",
        "shard": "the recipe has changed",
    }


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("tabular", 'description = "before"', 'description = "after"'),
        ("text", 'description = "before"', 'description = "after"'),
        ("text", "min_freq = 1", "min_freq = 2"),
    ],
)
def test_facts_that_cleaned_rows_do_not_depend_on(
    tmp_path: Path, kind: str, old: str, new: str
) -> None:
    toy = Toy(tmp_path, *KINDS[kind])
    toy.build()
    (clean,) = (toy.artifact / name for name in generations(toy.artifact) if "clean" in name)
    before = times(clean)
    toy.recipe = toy.recipe.replace(old, new)
    assert toy.build().reasons == {"shard": "the recipe has changed"}
    assert times(clean) == before


def test_another_number_of_rows_per_shard(toy: Toy) -> None:
    toy.build()
    outcome = toy.build(rows_per_shard=1)
    assert outcome.reasons == {"shard": "another number of rows per shard"}
    # x has 2 x 4 bytes a row and y has 1, so 16,384 rows end at 16,384 bytes.
    assert toy.manifest().splits["train"].rows_per_shard == 16_384
    assert outcome.notes[0].startswith("1 rows per shard rounded up to 16,384")
    assert toy.build(rows_per_shard=1).status == "up to date"
    assert toy.build(rows_per_shard=16_384).notes == ()


LOST = [
    # the file that goes, the stages that must run
    ("shards-*/train-00000.safetensors", {"shard"}),
    ("clean-*/train-00000.parquet", {"clean", "shard"}),
    ("manifest.json", {"shard"}),
    ("clean-*/clean.json", set[str]()),  # readers do not need it
]


@pytest.mark.parametrize(("pattern", "stages"), LOST)
def test_lost_file(toy: Toy, pattern: str, stages: set[str]) -> None:
    toy.build()
    before = tree(toy.out)
    (path,) = toy.artifact.glob(pattern)
    path.unlink()
    outcome = toy.build()
    assert set(outcome.reasons) == stages
    if stages:
        assert tree(toy.out) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_damaged_manifest(toy: Toy, content: bytes) -> None:
    toy.build()
    before = tree(toy.out)
    (toy.artifact / "manifest.json").write_bytes(content)
    assert toy.build().reasons["shard"].startswith("the artifact cannot be read: ")
    assert tree(toy.out) == before


BUILD_JSON = [
    b"",
    b"\xff",
    b"[]",
    b"{}",
    b'{"raw": []}',
    b'{"raw": {"toy/train.csv": {}}}',
    b'{"raw": {"toy/train.csv": [3]}}',
]


@pytest.mark.parametrize("content", BUILD_JSON)
def test_damaged_build_json_costs_only_time(toy: Toy, content: bytes) -> None:
    toy.build()
    (toy.artifact / "build.json").write_bytes(content)
    assert toy.build().status == "up to date"
    assert "sha256" in (toy.artifact / "build.json").read_text()  # and that once


# What a build leaves alone, and what not.


def test_old_generations_go_after_the_switch(toy: Toy) -> None:
    toy.build()
    before = generations(toy.artifact)
    replace_in(toy.raw / "toy/train.csv", "5,red", "5,blue")
    (toy.artifact / "mine").mkdir()
    toy.build(stages=("clean",))
    assert before < generations(toy.artifact)  # nothing goes before the switch
    verify_artifact(toy.artifact)
    toy.build()
    after = generations(toy.artifact)
    assert after & before == set()
    assert {name.split("-")[0] for name in after} == {"clean", "shards", "mine"}


def test_clean_and_then_shard_give_the_same(toy: Toy, tmp_path: Path) -> None:
    toy.build()
    other = tmp_path / "other"
    toy.build(out=other, stages=("clean",))
    assert not (other / "toy/manifest.json").exists()
    toy.build(out=other, stages=("shard",))
    assert tree(other) == tree(toy.out)


def test_shard_without_clean(toy: Toy) -> None:
    with pytest.raises(InputError, match="run `shardmill clean` first"):
        toy.build(stages=("shard",))


BAD = ["5,green,x,1", "5,red,x,9", "five,red,x,1", "5,red,x", "5,red,x,1,1"]


@pytest.mark.parametrize("row", BAD)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_that_fails_leaves_the_artifact_as_it_was(toy: Toy, row: str, workers: int) -> None:
    toy.build()
    before = tree(toy.out)
    replace_in(toy.raw / "toy/train.csv", "\n5,red,x,1\n", f"\n{row}\n")
    (toy.raw / "toy/test.csv").write_text("size,colour,note\n1.5,red,x\n")  # a second task
    with pytest.raises(InputError, match=r"train\.csv, line 7[,:]"):
        toy.build(workers=workers)
    assert tree(toy.out) == before
    assert generations(toy.artifact) == {
        path.parts[1] for path in map(Path, before) if len(path.parts) == 3
    }
    verify_artifact(toy.artifact)
