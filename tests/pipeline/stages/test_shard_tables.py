"""An artifact with a table of shards is read, verified and described as one with a list."""

import shutil
from pathlib import Path

import pytest
import torch
from small_parts import RECIPE, build, contents, csv_rows

import shardmill
from shardmill.errors import DamagedFileError
from shardmill.format.describe_artifact import describe_artifact
from shardmill.format.manifest import Manifest
from shardmill.format.shard_table import MOST_LISTED_SHARDS, ShardTable
from shardmill.format.verify_artifact import verify_artifact
from shardmill.pipeline.stages import shard_tables

TABLE = "train.shards.safetensors"


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same texts with a list of three shards, and with a table of them."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "train.csv").write_text("".join(csv_rows(12_000)))
    built = []
    for most in (MOST_LISTED_SHARDS, 2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shard_tables, "MOST_LISTED_SHARDS", most)
            built.append(build(RECIPE, folder, folder / str(most), rows_per_shard=1).artifact)
    return built[0], built[1]


def test_only_the_table_differs(artifacts: tuple[Path, Path]) -> None:
    listed, tabled = map(contents, artifacts)
    differ = {name for name, content in tabled.items() if content != listed.get(name)}
    assert {Path(name).name for name in differ} == {TABLE, "manifest.json"}
    splits = [Manifest.load(artifact).splits for artifact in artifacts]
    assert isinstance(splits[1]["train"].shards, ShardTable)
    assert isinstance(splits[1]["validation"].shards, tuple)  # which has one shard
    for name, split in splits[0].items():
        assert tuple(splits[1][name].shards) == split.shards
        assert splits[1][name].unknown() == split.unknown()


def test_both_are_read_alike(artifacts: tuple[Path, Path]) -> None:
    listed, tabled = (shardmill.open(artifact) for artifact in artifacts)
    assert len(listed.manifest.splits["train"].shards) == 3
    for (x, y), (of_table, y_of_table) in zip(
        listed.loader(500, shuffle=True), tabled.loader(500, shuffle=True), strict=True
    ):
        assert torch.equal(x.ids, of_table.ids)
        assert torch.equal(y, y_of_table)
    first, second = (verify_artifact(artifact) for artifact in artifacts)
    assert second.files == first.files + 1
    facts = [describe_artifact(artifact) for artifact in artifacts]
    assert facts[0] | {"path": ""} == facts[1] | {"path": ""}


def test_a_build_with_a_table_is_up_to_date(artifacts: tuple[Path, Path]) -> None:
    folder = artifacts[1].parent.parent
    outcome = build(RECIPE, folder, artifacts[1].parent, rows_per_shard=1)
    assert outcome.status == "up to date"


def test_a_damaged_table_is_built_anew(artifacts: tuple[Path, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(artifacts[1], tmp_path / "out" / artifacts[1].name)
    (table,) = copy.glob(f"*/{TABLE}")
    table.write_bytes(table.read_bytes()[:-1])
    for read in (shardmill.open, verify_artifact, describe_artifact):
        with pytest.raises(DamagedFileError, match=TABLE):
            read(copy)
    outcome = build(RECIPE, artifacts[1].parent.parent, tmp_path / "out", rows_per_shard=1)
    assert outcome.status == "built"
    assert len(shardmill.open(copy).manifest.splits["train"].shards) == 3
