"""Prepared rows are kept in files, and any of them come back in order."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings, strategies as st

from shardmill.format.manifest import ParquetRecord
from shardmill.pipeline.stages.prepared_rows import (
    PreparedFile,
    PreparedWriter,
    RowsToEncode,
    prepare_parquet,
)
from shardmill.raw.image_table import image_table
from shardmill.recipe.load_recipe import parse_recipe

TEXT = parse_recipe(
    """
name = "toy"
kind = "text"
splits.train.csv.path = "train.csv"
text = { columns = ["x"], join = ["x"] }
""",
    where="text",
)
OWN = parse_recipe(
    """
name = "toy"
kind = "text"
splits.train.csv.path = "train.csv"
text = { columns = ["x"], join = ["x"], tokenizer_file.path = "tokenizer.json" }
""",
    where="own",
)
IMAGE = parse_recipe(
    """
name = "toy"
kind = "image"
splits.train = { images.path = "images", labelled = false }
""",
    where="image",
)
TEXTS = pa.table({"text": [f"row {n} of {n % 3}" for n in range(30)], "label": range(30)})
IMAGES = image_table(np.arange(60, dtype=np.uint8).reshape(10, 1, 2, 3))


def prepared_file(folder: Path, sizes: list[int]) -> PreparedFile:
    writer = PreparedWriter(TEXT, folder, "train", "train-00000")
    for start, stop in pairwise([0, *np.cumsum(sizes).tolist()]):
        writer.write(TEXTS.slice(start, stop - start))
    file = writer.close()
    assert file is not None
    return file


def texts_of(prepared: pa.Table, summary: pa.Table) -> list[list[str]]:
    tokens = summary.column("token").to_pylist()
    return [[tokens[code] for code in row] for row in prepared.column("text").to_pylist()]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=3),
    bounds=st.tuples(st.integers(0, 27), st.integers(0, 27)),
)
def test_any_rows_come_back_in_order_with_the_key_of_their_batch(
    tmp_path: Path, sizes: list[int], bounds: tuple[int, int]
) -> None:
    file = prepared_file(tmp_path, sizes)
    rows = sum(sizes)
    assert len(file.summaries) == sum(size > 0 for size in sizes)
    if file.path is None:
        assert rows == 0
        return
    start, stop = sorted(min(bound, rows) for bound in bounds)
    prepared = RowsToEncode(file.path, file.summaries, rows)
    tables = list(prepared.tables(start, stop))
    assert [row for table, key in tables for row in texts_of(table, key)] == [
        text.split() for text in TEXTS.column("text").to_pylist()[start:stop]
    ]
    labels = [label for table, _ in tables for label in table.column("label").to_pylist()]
    assert labels == list(range(start, stop))


def test_without_a_folder_nothing_is_drafted() -> None:
    writer = PreparedWriter(TEXT, None, "train", "train-00000")
    writer.write(TEXTS)
    assert writer.close() is None


@pytest.mark.parametrize(("recipe", "rows"), [(IMAGE, IMAGES), (OWN, TEXTS)])
def test_a_draft_that_is_the_cleaned_rows_is_no_file(
    tmp_path: Path, recipe: type[object], rows: pa.Table
) -> None:
    writer = PreparedWriter(recipe, tmp_path, "train", "train-00000")  # type: ignore[arg-type]
    writer.write(rows)
    writer.write(rows.slice(0, 0))
    writer.write(rows.slice(3))
    file = writer.close()
    assert file is not None
    assert (file.path, len(file.summaries)) == (None, 2)
    assert list(tmp_path.iterdir()) == []


def test_the_draft_of_a_parquet_file_is_that_of_its_row_groups(tmp_path: Path) -> None:
    pq.write_table(TEXTS, tmp_path / "train-00007.parquet", row_group_size=12)
    content = (tmp_path / "train-00007.parquet").read_bytes()
    digest = xxhash.xxh3_128_hexdigest(content)
    record = ParquetRecord(
        path="train-00007.parquet", bytes=len(content), xxh3_128=digest, rows=len(TEXTS)
    )
    found = prepare_parquet(TEXT, "train", tmp_path, record, tmp_path)
    expected = prepared_file(tmp_path, [12, 12, 6])
    assert found.path == tmp_path / "train-00007.arrow"
    assert expected.path is not None
    assert found.path.read_bytes() == expected.path.read_bytes()
    assert all(a.equals(b) for a, b in zip(found.summaries, expected.summaries, strict=True))


def test_rows_of_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "train-00000.parquet"
    pq.write_table(IMAGES, path, row_group_size=4)
    prepared = RowsToEncode(path, (), 10)
    for start, stop in [(0, 10), (3, 9), (4, 8), (5, 6), (9, 10), (2, 2)]:
        tables = [table for table, key in prepared.tables(start, stop) if key is None]
        assert sum(map(len, tables)) == stop - start
        if tables:
            found = pa.concat_tables(tables).combine_chunks()
            assert found.equals(IMAGES.slice(start, stop - start).combine_chunks())


def test_only_what_is_fitted_or_keyed_is_summarised(tmp_path: Path) -> None:
    for recipe, rows, counts in ((IMAGE, IMAGES, (1, 0)), (TEXT, TEXTS, (1, 1))):
        found = []
        for split in ("train", "test"):
            writer = PreparedWriter(recipe, tmp_path, split, f"{recipe.kind}-{split}")
            writer.write(rows)
            prepared_file = writer.close()
            assert prepared_file is not None
            found.append(len(prepared_file.summaries))
        assert tuple(found) == counts
