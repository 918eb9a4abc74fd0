"""Other libraries read the cleaned rows, and find the same values."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from small_parts import RECIPE, build, cleaned, csv_rows

from shardmill.format.manifest import Manifest
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.raw.work_sizes import WorkSizes

IMAGES = """
name = "pictures"
kind = "image"
target.classes = ["a", "b", "c"]
splits.train = { images.path = "images", labels.path = "labels" }
"""
NUMBERS = """
name = "numbers"
kind = "tabular"
target = { column = "label", classes = ["no", "yes"] }
splits.train.csv.path = "numbers.csv"
[columns]
measured = { dtype = "float64", missing = "median" }
label = { dtype = "str" }
"""
ROWS = 2_000
PIXELS = np.random.default_rng(0).integers(0, 256, (300, 4, 5), dtype=np.uint8)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    (folder / "train.csv").write_text("".join(csv_rows(ROWS)), encoding="utf-8")
    cells = ["" if n % 9 == 0 else repr(n / 7) for n in range(-ROWS, 0)]
    lines = [f"{cell},{('no', 'yes')[n % 2]}\n" for n, cell in enumerate(cells)]
    (folder / "numbers.csv").write_text("".join(["measured,label\n", *lines]))
    build(NUMBERS, folder, folder / "out", sizes=WorkSizes(10_000, 20_000))
    (folder / "images").write_bytes(encode_idx(PIXELS))
    (folder / "labels").write_bytes(encode_idx((np.arange(300) % 3).astype(np.uint8)))
    sizes = WorkSizes(chunk_bytes=10_000, smallest_part_bytes=30_000)
    build(RECIPE, folder, folder / "out", sizes=sizes)
    sizes = WorkSizes(chunk_bytes=1_000, smallest_part_bytes=2_000)
    build(IMAGES, folder, folder / "out", sizes=sizes)
    return folder / "out"


def files(artifact: Path, split: str = "train") -> list[str]:
    found = [str(artifact / r.path) for r in Manifest.load(artifact).splits[split].parquet]
    assert len(found) > 1
    return found


def by_duckdb(paths: list[str], column: str) -> list[Any]:
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(f"SELECT {column}, label FROM read_parquet({paths!r})").fetchall()
    return [tuple(row) for row in rows]


def by_polars(paths: list[str], column: str) -> list[Any]:
    polars = pytest.importorskip("polars")
    frame = polars.concat([polars.read_parquet(path) for path in paths])
    rows: list[Any] = frame.select(column, "label").rows()
    return rows


def by_pandas(paths: list[str], column: str) -> list[Any]:
    pandas = pytest.importorskip("pandas")
    frame = pandas.concat([pandas.read_parquet(path) for path in paths])
    return list(zip(frame[column], frame["label"], strict=True))


READERS = {"duckdb": by_duckdb, "polars": by_polars, "pandas": by_pandas}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("split", ["train", "validation"])
def test_texts(artifacts: Path, reader: str, split: str) -> None:
    found = READERS[reader](files(artifacts / "toy", split), "text")
    table = cleaned(artifacts / "toy", split)
    assert len(found) == Manifest.load(artifacts / "toy").splits[split].rows
    assert found == list(zip(*table.to_pydict().values(), strict=True))


@pytest.mark.parametrize("reader", READERS)
def test_numbers(artifacts: Path, reader: str) -> None:
    paths = files(artifacts / "numbers")
    column = pq.read_metadata(paths[0]).row_group(0).column(0)
    assert "BYTE_STREAM_SPLIT" in column.encodings
    found = [cell for cell, _ in READERS[reader](paths, "measured")]
    cells = [None if cell is None or np.isnan(cell) else cell for cell in found]
    assert cells == [None if n % 9 == 0 else n / 7 for n in range(-ROWS, 0)]


@pytest.mark.parametrize("reader", READERS)
def test_images_are_files_that_pillow_opens(artifacts: Path, reader: str) -> None:
    paths = files(artifacts / "pictures")
    found = READERS[reader](paths, "image")
    pixels = [np.asarray(Image.open(io.BytesIO(image["bytes"]))) for image, _ in found]
    np.testing.assert_array_equal(np.array(pixels), PIXELS)
    assert [label for _, label in found] == [n % 3 for n in range(300)]


@pytest.mark.parametrize(("name", "column"), [("toy", "text"), ("pictures", "image")])
def test_files_say_where_they_come_from(artifacts: Path, name: str, column: str) -> None:
    for path in files(artifacts / name):
        facts = pq.read_schema(path).metadata
        assert facts[b"shardmill.name"] == name.encode()
        assert facts[b"shardmill.split"] == b"train"
        assert facts[b"shardmill.generation"] == Path(path).parent.name.encode()
        group = pq.read_metadata(path).row_group(0)
        plain = {
            group.column(i).path_in_schema.split(".")[0]: group.column(i)
            for i in range(group.num_columns)
        }
        assert not plain[column].has_dictionary_page
        assert plain["label"].has_dictionary_page
        assert {facts.compression for facts in plain.values()} == {"ZSTD"}


def test_duckdb_reads_the_facts(artifacts: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    query = f"SELECT key, value FROM parquet_kv_metadata({files(artifacts / 'toy')[0]!r})"
    facts = dict(duckdb.sql(query).fetchall())
    assert facts[b"shardmill.split"] == b"train"
