"""Parquet files of cleaned rows: row groups of bounded size, equal bytes for equal rows."""

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from shardmill.pipeline.builds.generation import Generation
from shardmill.pipeline.stages.write_parquet import ParquetFile
from shardmill.raw.work_sizes import WorkSizes

TABLE = pa.table({"a": range(100), "b": [f"row {n}" for n in range(100)]})


def write(folder: Path, tables: list[pa.Table], **options: Any) -> Path:
    folder.mkdir(exist_ok=True)
    with ParquetFile(Generation("clean-0", folder), "train-00000.parquet", **options) as file:
        for table in tables:
            file.write(table)
        record = file.close()
    path = folder / "train-00000.parquet"
    content = path.read_bytes()
    assert record is not None
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
    (10, [0, 10, 0], [10]),
]


@pytest.mark.parametrize(("bound", "lengths", "groups"), GROUPS)
def test_row_groups_by_rows(
    tmp_path: Path,
    bound: int,
    lengths: list[int],
    groups: list[int],
) -> None:
    sizes = WorkSizes(row_group_rows=bound)
    seen: list[pa.Table] = []
    path = write(
        tmp_path, [TABLE.slice(0, size) for size in lengths], on_group=seen.append, sizes=sizes
    )
    assert row_groups(path) == groups
    assert pq.read_schema(path).names == ["a", "b"]
    with pq.ParquetFile(path) as file:
        read = [file.read_row_group(group) for group in range(len(groups))]
    assert all(one.equals(other) for one, other in zip(read, seen, strict=True))


def test_row_groups_by_bytes(tmp_path: Path) -> None:
    sizes = WorkSizes(row_group_bytes=2 * TABLE.slice(0, 20).nbytes)
    path = write(tmp_path, [TABLE.slice(0, 20)] * 5, sizes=sizes)
    assert row_groups(path) == [40, 40, 20]


def has_dictionary(path: Path) -> dict[str, bool]:
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    return {column.path_in_schema: column.has_dictionary_page for column in columns}


@pytest.mark.parametrize("tables", [[], [TABLE.slice(0, 0)]])
def test_without_a_row_there_is_no_file(tmp_path: Path, tables: list[pa.Table]) -> None:
    with ParquetFile(Generation("clean-0", tmp_path), "train-00000.parquet") as file:
        for table in tables:
            file.write(table)
        assert file.close() is None
    assert list(tmp_path.iterdir()) == []


def test_plain_columns_have_neither_dictionary_nor_statistics(tmp_path: Path) -> None:
    path = write(tmp_path, [TABLE], plain=["b"])
    assert has_dictionary(path)["b"] is False
    group = pq.read_metadata(path).row_group(0)
    assert [group.column(i).is_stats_set for i in range(2)] == [True, False]


def test_numbers_have_a_dictionary_if_they_repeat_in_the_first_row_group(tmp_path: Path) -> None:
    half = pa.array([n // 2 for n in range(100)])
    columns = {
        "int": pa.array(range(100)),
        "float": pa.array([n / 7 for n in range(100)]),
        "half": half,
        "nulls": pa.array([None if n % 2 else float(n) for n in range(98)] + [None, None]),
        "text": pa.array([str(n) for n in range(100)]),
        "date": half.cast(pa.int32()).cast(pa.date32()),
    }
    same = pa.table({name: pa.repeat(cells[0], 100) for name, cells in columns.items()})
    path = write(tmp_path, [pa.table(columns), same], sizes=WorkSizes(row_group_rows=100))
    assert row_groups(path) == [100, 100]
    others = dict.fromkeys(["half", "nulls", "text", "date"], True)
    assert has_dictionary(path) == {"int": False, "float": False, **others}
    assert pq.read_table(path).equals(pa.concat_tables([pa.table(columns), same]))


def test_metadata_is_in_the_file_beside_that_of_the_tables(tmp_path: Path) -> None:
    table = TABLE.replace_schema_metadata({"own": "1"})
    path = write(
        tmp_path, [table], metadata=lambda schema: {"shardmill.split": f"of {len(schema)}"}
    )
    found = pq.read_schema(path).metadata
    assert {key: found[key] for key in (b"own", b"shardmill.split")} == {
        b"own": b"1",
        b"shardmill.split": b"of 2",
    }


def test_a_file_that_is_given_up_is_written_no_more(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="given up"),
        ParquetFile(Generation("clean-0", tmp_path), "train-00000.parquet") as file,
    ):
        file.write(pa.concat_tables([TABLE] * 200))
        raise ValueError("given up")
    assert not [t for t in threading.enumerate() if t.name.startswith("parquet")]


def test_a_fault_in_the_thread_is_raised_here(tmp_path: Path) -> None:
    missing = Generation("clean-0", tmp_path / "missing")
    with pytest.raises(FileNotFoundError), ParquetFile(missing, "train-00000.parquet") as file:
        file.write(TABLE)
        file.close()
