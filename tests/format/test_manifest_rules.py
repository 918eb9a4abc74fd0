"""Manifests: paths, and rows that add up."""

from pathlib import Path
from typing import Any

import pytest
from manifests import load_changed, train_of

from shardmill.errors import ManifestError


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../shard",
        "g1/../../shard",
        "g1/..",
        ".",
        "./shard",
        "g1//shard",
        "g1/",
        "",
        # Windows
        "g1\\shard",
        "..\\shard",
        "C:",
        "C:/shard",
        "C:shard",
    ],
)
def test_paths_outside_the_artifact(tmp_path: Path, path: str) -> None:
    match = "must be relative, with forward slashes, and stay inside the artifact"
    with pytest.raises(ManifestError, match=rf"shards\.0\.path: .*{match}"):
        load_changed(tmp_path, lambda m: train_of(m)["shards"][0].update(path=path))
    with pytest.raises(ManifestError, match=rf"vocabulary\.vocab\.path: .*{match}"):
        load_changed(tmp_path, lambda m: m["vocabulary"]["vocab"].update(path=path))


@pytest.mark.parametrize("path", ["shard", "g1/shard", "g1/..shard", "g1/.hidden", "ä b/shard"])
def test_paths_inside_the_artifact(tmp_path: Path, path: str) -> None:
    loaded = load_changed(tmp_path, lambda m: train_of(m)["shards"][0].update(path=path))
    assert loaded.splits["train"].shards[0].path == path


ADD_UP = "the shards hold {} rows, not {}"


EVEN = "only the last shard may hold another number of rows than the others"


@pytest.mark.parametrize(
    ("rows", "shard_rows", "fault"),
    [
        (9_001, (4_096, 4_096, 808), ADD_UP.format("9,000", "9,001")),
        (8_999, (4_096, 4_096, 808), ADD_UP.format("9,000", "8,999")),
        # the short shard is not the last
        (9_000, (4_096, 808, 4_096), EVEN),
        # longer than rows_per_shard, in the middle or at the end
        (9_000, (4_095, 4_097, 808), EVEN),
        (8_194, (4_096, 4_098), EVEN),
        (5_000, (5_000,), EVEN),
    ],
)
def test_rows_that_do_not_add_up(
    tmp_path: Path, rows: int, shard_rows: tuple[int, ...], fault: str
) -> None:
    def change(manifest: Any) -> None:
        train = train_of(manifest)
        shard = train["shards"][0]
        train["rows"] = rows
        train["shards"] = [{**shard, "rows": n} for n in shard_rows]

    with pytest.raises(ManifestError, match=rf"splits\.train: .*{fault}"):
        load_changed(tmp_path, change)


@pytest.mark.parametrize("shard_rows", [(), (1,), (4_096,), (4_096, 4_096), (4_096, 1)])
def test_rows_that_add_up(tmp_path: Path, shard_rows: tuple[int, ...]) -> None:
    def change(manifest: Any) -> None:
        train = train_of(manifest)
        shard = train["shards"][0]
        train["rows"] = sum(shard_rows)
        train["shards"] = [{**shard, "rows": n} for n in shard_rows]

    split = load_changed(tmp_path, change).splits["train"]
    assert tuple(shard.rows for shard in split.shards) == shard_rows
