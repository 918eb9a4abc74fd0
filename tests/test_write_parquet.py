"""Parquet files of cleaned rows: row groups of bounded size, equal bytes for equal rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from shardmill.pipeline import write_parquet
from shardmill.pipeline.generation import Generation
from shardmill.pipeline.write_parquet import ParquetSplit

TABLE = pa.table({"a": range(100), "b": [f"row {n}" for n in range(100)]})


def write(folder: Path, tables: list[pa.Table]) -> Path:
    folder.mkdir(exist_ok=True)
    split = ParquetSplit(Generation("clean-0", folder), "train-00000.parquet")
    for table in tables:
        split.write(table)
    record = split.close()
    path = folder / "train-00000.parquet"
    content = path.read_bytes()
    assert record.path == "clean-0/train-00000.parquet"
    assert record.rows == sum(map(len, tables))
    assert record.bytes == len(content)
    assert record.xxh3_128 == xxhash.xxh3_128(content).hexdigest()
    return path


def row_groups(path: Path) -> list[int]:
    facts = pq.read_metadata(path)
    return [facts.row_group(group).num_rows for group in range(facts.num_row_groups)]


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, [TABLE.slice(0, 30), TABLE.slice(30, 0), TABLE.slice(30)])
    assert pq.read_table(path).equals(TABLE)


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    tables = [TABLE.slice(start, 10) for start in range(0, 100, 10)]
    one, other = write(tmp_path / "1", tables), write(tmp_path / "2", tables)
    assert one.read_bytes() == other.read_bytes()


GROUPS = [
    # rows of a group at least, sizes of the tables, sizes of the groups
    (10, [4, 4, 4, 4], [12, 4]),  # closed by the table that reaches the bound
    (10, [10, 10, 1], [10, 10, 1]),
    (10, [4, 6], [10]),  # the last table fills the last group
    (10, [100], [100]),  # a table is never cut
    (10, [100, 1], [100, 1]),
    (1000, [50, 50], [100]),
    (10, [5, 0, 0], [5]),
    (10, [0], []),  # no rows, and still a schema
]


@pytest.mark.parametrize(("bound", "sizes", "groups"), GROUPS)
def test_row_groups_by_rows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bound: int,
    sizes: list[int],
    groups: list[int],
) -> None:
    monkeypatch.setattr(write_parquet, "ROW_GROUP_ROWS", bound)
    path = write(tmp_path, [TABLE.slice(0, size) for size in sizes])
    assert row_groups(path) == groups
    assert pq.read_schema(path).names == ["a", "b"]


def test_row_groups_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_parquet, "ROW_GROUP_BYTES", 2 * TABLE.slice(0, 20).nbytes)
    path = write(tmp_path, [TABLE.slice(0, 20)] * 5)
    assert row_groups(path) == [40, 40, 20]


def test_a_file_without_a_table_has_no_schema(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs at least one table for its schema"):
        ParquetSplit(Generation("clean-0", tmp_path), "train-00000.parquet").close()
