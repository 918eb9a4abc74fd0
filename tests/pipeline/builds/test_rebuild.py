"""Why a build builds again, and what it leaves."""

import json
import os
from pathlib import Path

import pytest
from toys import KINDS, TABULAR, Toy, replace_in, times, tree

from shardmill.errors import DamagedFileError, InputError
from shardmill.format.verify_artifact import verify_artifact


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path, *KINDS["tabular"])


def generations(artifact: Path) -> set[str]:
    return {path.name for path in artifact.iterdir() if path.is_dir()}


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


def test_all_that_changed_is_said(toy: Toy) -> None:
    toy.build()
    toy.recipe = TABULAR.replace("red = 0, blue = 1", "red = 1, blue = 0")
    replace_in(toy.raw / "toy/train.csv", "5,red", "5,blue")
    assert toy.build(rows_per_shard=1).reasons["shard"] == (
        "changed since the last build: toy/train.csv; the recipe has changed; "
        "another number of rows per shard"
    )


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
    assert "digest" in (toy.artifact / "build.json").read_text()  # and that once


# What a build leaves alone, and what not.


def test_damaged_cleaned_rows_make_no_shards(toy: Toy) -> None:
    toy.build()
    (record,) = toy.manifest().splits["train"].parquet
    path = toy.artifact / record.path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"train-00000\.parquet: expected xxh3_128"):
        toy.build(rows_per_shard=16_384 * 2)
    assert toy.build(force=True).status == "built"
    verify_artifact(toy.artifact)


def test_a_split_that_is_missing_from_clean_json(toy: Toy) -> None:
    toy.build()
    (path,) = toy.artifact.glob("clean-*/clean.json")
    facts = json.loads(path.read_bytes())
    del facts["splits"]["validation"]
    path.write_text(json.dumps(facts))
    assert set(toy.build(rows_per_shard=32_768).reasons) == {"clean", "shard"}
    assert set(toy.manifest().splits) == {"train", "validation"}


@pytest.mark.parametrize("keys", [("rows",), ("rows", "parquet")])
def test_wrong_counts_of_cleaned_rows(toy: Toy, keys: tuple[str, ...]) -> None:
    toy.build()
    (path,) = toy.artifact.glob("clean-*/clean.json")
    facts = json.loads(path.read_bytes())
    train = facts["splits"]["train"]
    train["rows"] -= 1
    if "parquet" in keys:
        train["parquet"][0]["rows"] -= 1
    path.write_text(json.dumps(facts))
    if "parquet" in keys:
        with pytest.raises(DamagedFileError, match=r"expected 29 rows, found 30"):
            toy.build(rows_per_shard=32_768)
    else:
        assert set(toy.build(rows_per_shard=32_768).reasons) == {"clean", "shard"}


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


def test_build_json_says_how_long_each_stage_took(toy: Toy) -> None:
    toy.build()
    seconds = json.loads((toy.artifact / "build.json").read_bytes())["seconds"]
    assert {"clean", "fit", "shard"} <= seconds.keys()
