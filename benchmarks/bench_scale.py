"""What stays small when data grow: opening, memory, and the order of an epoch.

`python benchmarks/bench_scale.py --out FOLDER` prints a Markdown table and writes `scale.json`. It
needs no raw files: rows are those of sparse files, which the system reads as any others.
"""

import json
import multiprocessing
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
from load.machine import machine_facts
from scale import measures
from scale.big_artifact import SMALL_FIELDS, write_sparse

ROWS_PER_SHARD = 2_048
SHARDS = 1_024
VERY_MANY_SHARDS = 100_000
SMALL_SHARD_ROWS = 16


def _in_new_process(measure: Callable[..., measures.Figures], *arguments: Any) -> measures.Figures:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(measure, *arguments).result()


def _artifacts(out: Path) -> dict[str, Path]:
    folder = out / "sparse"
    shutil.rmtree(folder, ignore_errors=True)
    rows = SHARDS * ROWS_PER_SHARD
    shapes = {
        "small": (54_000, 54_000),
        "one_shard": (rows, rows),
        "many_shards": (rows, ROWS_PER_SHARD),
        "large": (100 * 10**9 // 792, 65_536),
    }
    artifacts = {
        name: write_sparse(folder / name, rows=rows, rows_per_shard=per_shard)
        for name, (rows, per_shard) in shapes.items()
    }
    artifacts["very_many_shards"] = write_sparse(
        folder / "very_many_shards",
        rows=VERY_MANY_SHARDS * SMALL_SHARD_ROWS,
        rows_per_shard=SMALL_SHARD_ROWS,
        fields=SMALL_FIELDS,
    )
    return artifacts


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Results."
)
def main(out: Path) -> None:
    """Measure what should stay small when data grow."""
    artifacts = _artifacts(out)
    tasks: dict[str, tuple[Any, ...]] = {
        "opening 1,024 shards": (measures.open_shards, artifacts["many_shards"]),
        "100,000 shards, half an epoch": (
            measures.read_in_slots,
            artifacts["very_many_shards"],
            VERY_MANY_SHARDS * SMALL_SHARD_ROWS // 2,
        ),
        "opening 100 GB": (measures.open_large, artifacts["large"]),
        "the order of 10^9 rows": (measures.shuffle_a_billion,),
        "1,024 shards against one": (
            measures.compare_shards,
            artifacts["one_shard"],
            artifacts["many_shards"],
        ),
        "a million batches": (measures.many_batches, artifacts["small"], 0),
        "a million batches, 2 workers": (measures.many_batches, artifacts["small"], 2),
    }
    results: dict[str, measures.Figures] = {}
    click.echo("| what | figures |\n|---|---|")
    for name, task in tasks.items():
        results[name] = _in_new_process(*task)
        figures = ", ".join(f"{key} {value:,.4g}" for key, value in results[name].items())
        click.echo(f"| {name} | {figures} |")
    shutil.rmtree(out / "sparse")
    facts = {"machine": machine_facts(), "results": results}
    (out / "scale.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
