"""Builds: what they write, when they run again, and what they leave alone."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toys import KINDS, ROWS, TABULAR, Toy, replace_in, times, tree

from shardmill.errors import InputError
from shardmill.format.shard_file import read_header
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.worthwhile_workers import worthwhile_workers
from shardmill.raw.image_table import IMAGE_FILES, image_rows
from shardmill.recipe.load_recipe import parse_recipe


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path, *KINDS["tabular"])


@pytest.fixture(params=KINDS)
def any_toy(tmp_path: Path, request: pytest.FixtureRequest) -> Toy:
    return Toy(tmp_path, *KINDS[request.param])


# What a build gives.


def test_build(any_toy: Toy) -> None:
    outcome = any_toy.build()
    assert outcome.status == "built"
    assert outcome.rows == {"train": 30, "validation": 10}
    assert not outcome.sample
    manifest = any_toy.manifest()
    assert manifest.classes == ("no", "yes")
    assert {name: split.rows for name, split in manifest.splits.items()} == outcome.rows
    but_the_card = len(list(manifest.files())) - 1
    assert verify_artifact(any_toy.artifact).files == but_the_card
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


def test_images_are_files_in_parquet(tmp_path: Path) -> None:
    toy = Toy(tmp_path, *KINDS["image"])
    toy.build()
    table = toy.table("train")
    assert table.schema.field("image").type == IMAGE_FILES
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
