"""Rows with columns give the same tensors, whatever the format of their file."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from building import build
from table_files import FORMATS, write_table

import shardmill
from shardmill.errors import (
    ColumnsError,
    JsonFormatError,
    TableFormatError,
    TooManyBadRowsError,
    ValueFormatError,
)
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.raw.work_sizes import WorkSizes
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.serve.preprocessor import Preprocessor
from shardmill.serve.raw_batches import raw_batches

ROWS = 40
TABLE = pa.table(
    {
        "size": pa.array([None if i % 9 == 4 else i / 7 for i in range(ROWS)], pa.float64()),
        "count": pa.array([i * 10**14 for i in range(ROWS)], pa.int64()),
        "kind": pa.array([["oak", "elm", "ash", None][i % 4] for i in range(ROWS)]),
        "tall": pa.array([i % 3 == 0 for i in range(ROWS)]),
        "code": pa.array([f"{i % 5:02}" for i in range(ROWS)]),
        "use": pa.array(["train" if i % 5 else "test" for i in range(ROWS)]),
        "y": pa.array([i % 2 for i in range(ROWS)], pa.int64()),
    }
)
COLUMNS = """
kind = "tabular"
[columns]
size = { dtype = "float64", missing = "mean" }
count = { dtype = "int64", scale = "standardise" }
kind = { dtype = "str", categories = "learn", missing = "keep" }
tall = { dtype = "bool" }
code = { dtype = "str", categories = "learn" }
use = { dtype = "str", drop = true }
y = { dtype = "int64" }
[target]
column = "y"
classes = ["0", "1"]
"""


def recipe_of(file: str, more: str = "", columns: str = COLUMNS) -> AnyRecipe:
    form = FORMATS[file]
    splits = f"""
[splits.train.{form}]
path = "{file}"
where = {{ use = "train" }}
[splits.test.{form}]
path = "{file}"
where = {{ use = "test" }}
"""
    return parse_recipe('name = "trees"\n' + columns + splits + more, where="trees")


@pytest.mark.parametrize("file", FORMATS)
@pytest.mark.parametrize("workers", [1, 2])
def test_every_format_gives_what_csv_gives(file: str, workers: int, tmp_path: Path) -> None:
    shown = {}
    for name in ("t.csv", file):
        write_table(TABLE, tmp_path / name)
        sizes = WorkSizes(chunk_bytes=200, smallest_part_bytes=400, row_group_rows=5)
        out = tmp_path / name.replace(".", "_")
        options = BuildOptions(out=out, workers=workers, sizes=sizes)
        (outcome,) = build_artifacts(Sources((recipe_of(name),), tmp_path), options)
        shown[name] = [
            shardmill.open(outcome.artifact, split=split)[:] for split in ("train", "test")
        ]
    for (x, y), (others_x, others_y) in zip(shown["t.csv"], shown[file], strict=True):
        assert x.tolist() == others_x.tolist()
        assert y.tolist() == others_y.tolist()


@pytest.mark.parametrize("file", FORMATS)
def test_a_model_takes_every_format_whatever_it_was_built_from(file: str, tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "t.csv")
    preprocessor = Preprocessor.load(build(recipe_of("t.csv"), tmp_path, tmp_path / "out"))
    write_table(TABLE.drop_columns(["y", "use"]), tmp_path / file)
    (x,) = raw_batches(preprocessor, tmp_path / file, ROWS)
    expected: Any = preprocessor(TABLE.to_pylist())
    assert isinstance(x, torch.Tensor)
    assert x.tolist() == expected.tolist()


@pytest.mark.parametrize("file", sorted(FORMATS))
def test_columns_are_found_in_the_file(file: str, tmp_path: Path) -> None:
    write_table(TABLE.select(["size", "count", "y"]), tmp_path / file)
    columns = """
kind = "tabular"
[columns]
"*" = { dtype = "float64", missing = "mean" }
y = { dtype = "int64" }
[target]
column = "y"
classes = ["0", "1"]
"""
    text = f'name = "t"\n{columns}\n[splits.train.{FORMATS[file]}]\npath = "{file}"'
    artifact = build(parse_recipe(text, where="t"), tmp_path, tmp_path / "out")
    assert shardmill.open(artifact).features == ("size", "count")


def test_texts_and_their_labels_come_from_parquet_too(tmp_path: Path) -> None:
    table = pa.table({"text": ["a b", None, "b"], "label": pa.array([0, 1, 1], pa.int8())})
    pq.write_table(table, tmp_path / "t.parquet")
    recipe = parse_recipe(
        'name = "t"\nkind = "text"\n[text]\ncolumns = ["text", "label"]\njoin = ["text"]\n'
        '[target]\ncolumn = "label"\nclasses = ["0", "1"]\n'
        '[splits.train.parquet]\npath = "t.parquet"',
        where="t",
    )
    texts = shardmill.open(build(recipe, tmp_path, tmp_path / "out"))
    x, y = texts[:]
    assert x.lengths.tolist() == [2, 0, 1]
    assert y.tolist() == [0, 1, 1]


def test_where_a_wrong_value_stands_is_its_row(tmp_path: Path) -> None:
    table = TABLE.set_column(1, "count", pa.array([1.0] * 30 + [1.5] + [2.0] * 9))
    write_table(table, tmp_path / "t.parquet")
    with pytest.raises(ValueFormatError, match=r"t\.parquet, row 30, column count: .*'1\.5'"):
        build(recipe_of("t.parquet"), tmp_path, tmp_path / "out")


def test_bad_lines_of_json_are_put_in_quarantine(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "t.jsonl")
    with (tmp_path / "t.jsonl").open("a") as file:
        file.write('{"size": [1]}\n[1, 2]\n')
    with pytest.raises(JsonFormatError, match=r"line 41: expected size: .* found a list"):
        build(recipe_of("t.jsonl"), tmp_path, tmp_path / "out")
    rules = '[rows]\non_bad_row = "quarantine"\nmax_bad_rows = 0.3\n'
    artifact = build(recipe_of("t.jsonl", rules), tmp_path, tmp_path / "out")
    (left_out,) = sorted(artifact.glob("clean-*/train.rejected-*.parquet"))
    assert pq.read_table(left_out).column("line").to_pylist() == [41, 42]
    with pytest.raises(TooManyBadRowsError, match=r"rows\.max_bad_rows"):
        build(recipe_of("t.jsonl", rules.replace("0.3", "0.01")), tmp_path, tmp_path / "out")


def test_other_columns_fail_or_are_left_out(tmp_path: Path) -> None:
    write_table(TABLE.append_column("more", pa.array([[1]] * ROWS)), tmp_path / "t.parquet")
    with pytest.raises(ColumnsError, match=r"with 'more' besides; .* rows\.other_columns"):
        build(recipe_of("t.parquet"), tmp_path, tmp_path / "out")
    build(recipe_of("t.parquet", '[rows]\nother_columns = "ignore"\n'), tmp_path, tmp_path / "out")


def test_a_column_of_lists_is_refused_by_its_name(tmp_path: Path) -> None:
    table = TABLE.set_column(0, "size", pa.array([[0.5]] * ROWS))
    write_table(table, tmp_path / "t.parquet")
    with pytest.raises(ColumnsError, match=r"column size: .* found list<"):
        build(recipe_of("t.parquet"), tmp_path, tmp_path / "out")


@pytest.mark.parametrize("file", ["t.parquet", "t.feather"])
def test_a_file_that_is_cut_short_is_refused(file: str, tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / file)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(TableFormatError, match=r"expected a whole \w+.* file"):
        build(recipe_of(file), tmp_path, tmp_path / "out")
