"""Rows of an artifact are those that its datasets give, wherever they lie."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from small_parts import RECIPE, SMALL, build, cleaned, csv_rows, left_out

import shardmill
from shardmill.errors import DamagedFileError
from shardmill.format.manifest import Manifest
from shardmill.format.read_rows import (
    cleaned_rows,
    left_out_rows,
    ragged_row,
    spread_rows,
    tensor_rows,
)

BAD = 'csv = { header = false, on_bad_row = "quarantine", max_bad_rows = 0.5 }'
STARTS = [0, 1, 4095, 4096, 5000, 7000]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts in two shards and several parts, of which some rows were left out."""
    raw = tmp_path_factory.mktemp("raw")
    rows = csv_rows(9_000)
    rows[100:8000:1000] = ["1,too,many,fields\n"] * 8
    (raw / "train.csv").write_text("".join(rows))
    recipe = RECIPE.replace("csv = { header = false }", BAD)
    built = build(recipe, raw, raw / "out", sizes=SMALL, rows_per_shard=1).artifact
    split = Manifest.load(built).splits["train"]
    assert len(split.shards) > 1 and len(split.parquet) > 1
    return built


@pytest.mark.parametrize("start", STARTS)
def test_rows_of_shards(artifact: Path, start: int) -> None:
    split = Manifest.load(artifact).splits["train"]
    dataset = shardmill.open(artifact)
    for stop in (start, start + 1, start + 100, split.rows):
        labels = tensor_rows(artifact, split, "y", start, stop)
        assert labels.tolist() == (dataset[start:stop][1].tolist() if stop > start else [])
    ids, length = dataset[[start]][0]
    assert ragged_row(artifact, split, "x", start).tolist() == ids[0].tolist()
    assert tensor_rows(artifact, split, "x.sizes", start, start + 1).tolist() == length.tolist()


@pytest.mark.parametrize("start", STARTS)
def test_rows_of_parquet(artifact: Path, start: int) -> None:
    split = Manifest.load(artifact).splits["train"]
    table = cleaned(artifact, "train")
    for count in (1, 3, 2000):
        expected = table.slice(start, count).to_pylist()
        assert cleaned_rows(artifact, split, start, count) == expected
    assert cleaned_rows(artifact, split, split.rows, 1) == []


def test_rows_from_all_over_a_split(artifact: Path) -> None:
    split = Manifest.load(artifact).splits["train"]
    labels = tensor_rows(artifact, split, "y", 0, split.rows)
    assert np.array_equal(spread_rows(artifact, split, "y", split.rows), labels)
    some = spread_rows(artifact, split, "y", 640)
    assert len(some) == 640
    assert some[:10].tolist() == labels[:10].tolist()
    assert some[-10:].tolist() == labels[-10:].tolist()


def test_rows_that_were_left_out(artifact: Path) -> None:
    split = Manifest.load(artifact).splits["train"]
    expected = left_out(artifact).to_pylist()
    assert left_out_rows(artifact, split, 1000) == expected
    assert left_out_rows(artifact, split, 3) == expected[:3]
    assert expected[0]["text"] == "1,too,many,fields"


def test_files_that_are_damaged(artifact: Path, tmp_path: Path) -> None:
    copy = tmp_path / "toy"
    shutil.copytree(artifact, copy)
    split = Manifest.load(copy).splits["train"]
    (copy / split.shards[0].path).write_bytes(b"short")
    (copy / split.shards[1].path).unlink()
    (copy / split.parquet[0].path).write_bytes(b"PAR1")
    (copy / split.left_out[0].path).unlink()
    for read in (
        lambda: tensor_rows(copy, split, "y", 0, 1),
        lambda: tensor_rows(copy, split, "y", 4096, 4097),
        lambda: ragged_row(copy, split, "x", 0),
        lambda: cleaned_rows(copy, split, 0, 1),
        lambda: left_out_rows(copy, split, 1),
    ):
        with pytest.raises(DamagedFileError, match="the file that the manifest names"):
            read()
