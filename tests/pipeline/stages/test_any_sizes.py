"""What is learnt and the shards depend neither on workers, nor on how large the pieces are."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_parts import csv_rows, parts, shards

from shardmill.kinds import find_medians, tabular_fit, value_counts
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.builds.executor_engine import ExecutorEngine
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.process_engine import ProcessEngine
from shardmill.pipeline.stages import merge_tokens
from shardmill.raw.work_sizes import WorkSizes
from shardmill.recipe.load_recipe import parse_recipe

TABLE = """
name = "toy"
kind = "tabular"
target = { column = "y", classes = ["a", "b"] }
splits.train.csv.path = "table.csv"
[columns]
m = { dtype = "float64", missing = "median", scale = "standardise" }
n = { dtype = "float64", missing = "mean", scale = "standardise" }
i = { dtype = "int64", missing = "median", scale = "min_max" }
t = { dtype = "timestamp", missing = "mean", parts = ["hour", "minute"] }
c = { dtype = "str", categories = "learn", missing = "mode" }
y = { dtype = "str" }
"""
TEXTS = """
name = "toy"
kind = "text"
csv = { header = false }
target = { column = "label", classes = ["no", "yes"], first = 1 }
splits.train.csv.path = "texts.csv"
[text]
columns = ["label", "title", "body"]
join = ["title", "body"]
"""
TABLE_OF_TEXTS = """
name = "toy"
kind = "tabular"
csv.header = false
splits.train.csv.path = "texts.csv"
[columns]
label = { dtype = "int64" }
title = { dtype = "text" }
body = { dtype = "text" }
"""
LEARNT = f'{TEXTS}tokenizer = "bpe"\n[vocabulary]\nmax_tokens = 300\n'
CHUNK = 4_000


def write_table(path: Path) -> None:
    draw = np.random.default_rng(3)
    lines = ["m,n,i,t,c,y"]
    for n in range(1_500):
        cells = [
            repr(float(draw.normal() * 10.0 ** draw.integers(-30, 30))),
            repr(float(draw.normal())),
            str(draw.integers(-(10**12), 10**12)),
            f"20{n % 90 + 10}-03-0{n % 9 + 1}T0{n % 8}:{n % 50 + 10}:00.{draw.integers(10**6):06d}",
            "xyz"[n % 3] * (n % 2 + 1),
        ]
        kept = ["" if draw.random() < 0.05 else cell for cell in cells]
        lines.append(",".join([*kept, "ab"[n % 2]]))
    path.write_text("\n".join([*lines, ""]))


def learnt(recipe: str, raw: Path, out: Path, engine: Engine, chunk: int) -> tuple[Any, ...]:
    """Return the statistics, the shards and the number of parts of a build."""
    sizes = WorkSizes(chunk_bytes=chunk, smallest_part_bytes=3 * CHUNK * 2, row_group_rows=chunk)
    sources = Sources((parse_recipe(recipe, where="test"),), raw)
    build_artifacts(sources, BuildOptions(out=out, sizes=sizes, engine=engine))
    artifact = out / "toy"
    facts = json.loads((artifact / "manifest.json").read_bytes())
    return facts["statistics"], shards(artifact), len(parts(artifact))


@pytest.mark.parametrize(
    ("recipe", "held", "files"),
    [
        (TABLE, 0, 16),
        (TABLE, 2_000, 16),
        (TEXTS, 0, 16),
        (TEXTS, 0, 1),
        (TABLE_OF_TEXTS, 0, 1),
        (LEARNT, 0, 1),
    ],
    ids=["table in passes", "table in memory", "texts", "merged texts", "table of texts", "learnt"],
)
def test_any_workers_and_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, held: int, files: int
) -> None:
    monkeypatch.setattr(value_counts, "_FEW_VALUES", 20)  # so that numbers are not counted
    monkeypatch.setattr(find_medians, "_FEW_NUMBERS", 50)
    monkeypatch.setattr(tabular_fit, "_HELD_NUMBERS", held)
    monkeypatch.setattr(merge_tokens, "_MOST_FILES", files)
    monkeypatch.setattr(merge_tokens, "_FILES_OF_TASK", 2)
    write_table(tmp_path / "table.csv")
    (tmp_path / "texts.csv").write_text("".join(csv_rows(1_000)), encoding="utf-8")
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(4))
        engines: list[Engine] = [ProcessEngine(n) for n in (1, 2, 4)]
        engines.append(ExecutorEngine(threads, 4))
        found = [
            learnt(recipe, tmp_path, tmp_path / f"{index}-{chunk}", engine, chunk)
            for index, engine in enumerate(map(stack.enter_context, engines))
            for chunk in (CHUNK // 2, CHUNK, CHUNK * 2)
        ]
    statistics, written, count = found[0]
    assert count > 2
    for others in found[1:]:
        assert others[0] == statistics
        assert others[1] == written
