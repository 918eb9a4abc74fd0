"""Measures builds of several sizes: seconds by stage, processor time, bytes, tasks and memory."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from preprocess.growth import MakeSource
from preprocess.image_rows import ROW_BYTES
from preprocess.job import TEXT_FILE
from preprocess.process_tree import run_tree
from preprocess.recipes import Source, idx_source, table_source, text_source
from preprocess.text_rows import rows_in

GB = 1e9
# The sizes that are built with each number of workers. In the largest, tasks are nearly as large as
# in builds of any size.
SIZES_GB = {(1, 2): (0.25, 0.5, 1.0, 2.0), (2,): (4.0,)}
_TABLE_ROW_BYTES = 269  # of a row of `table_source`, on average
_TIMEOUT_S = 1_200
_BENCHMARKS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Measured:
    """One build.

    Attributes:
        kind: What was built: `text`, `images` or `table`.
        workers: How many workers it had.
        rows: How many rows it has.
        raw_gb: The size of the raw files.
        shards_gb: The size of the shards.
        parquet_gb: The size of the cleaned rows.
        tasks: How many files of either kind there are, each of which is a task.
        wall_s: How long it took.
        stages: The seconds of each stage.
        cpu_s: The processor seconds of all processes.
        driver_s: The processor seconds of the process that hands out tasks, by stage and in all.
            With one worker, it does everything.
        peak_mib: The highest memory of all processes together.
        load: How many processes wanted a core on average in the minute before.
    """

    kind: str
    workers: int
    rows: int
    raw_gb: float
    shards_gb: float
    parquet_gb: float
    tasks: int
    wall_s: float
    stages: dict[str, float]
    cpu_s: float
    driver_s: dict[str, float]
    peak_mib: float
    load: float


def measure_all(real: Path, folder: Path, *, rounds: int) -> Iterator[Measured]:
    """Yield every build of every round.

    Args:
        real: The folder of real raw files.
        folder: Where raw files and artifacts are written, which are removed.
        rounds: How often each build is measured.
    """
    for workers, sizes in SIZES_GB.items():
        for make in (make for size in sizes for make in _sources(real, int(size * GB))):
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "source").mkdir(parents=True)
            source = make(folder / "source")
            for turn in range(rounds):
                for count in workers if turn % 2 else reversed(workers):
                    yield measure_build(source, folder / "out", workers=count)
            shutil.rmtree(folder)


def _sources(real: Path, size: int) -> Iterator[MakeSource]:
    yield partial(text_source, real, rows=rows_in(real / TEXT_FILE, size))
    yield partial(idx_source, real, rows=size // (ROW_BYTES + 1))
    yield partial(table_source, rows=size // _TABLE_ROW_BYTES)


def measure_build(source: Source, out: Path, *, workers: int) -> Measured:
    """Build into a new folder, which is removed afterwards.

    Raises:
        RuntimeError: The build has failed.
    """
    shutil.rmtree(out, ignore_errors=True)
    os.sync()  # what others have written goes to the disk now
    load = os.getloadavg()[0]
    command = [sys.executable, "-m", "simulation.build_child", source.recipe]
    command += ["--raw", str(source.raw), "--out", str(out), "--workers", str(workers), "--quiet"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    ended = run_tree(command, folder=_BENCHMARKS, environment=environment, timeout_s=_TIMEOUT_S)
    if ended.error:
        raise RuntimeError(ended.error)
    (noted,) = out.glob("*/build.json")
    files = {kind: list(out.rglob(f"*.{kind}")) for kind in ("safetensors", "parquet")}
    sizes = {kind: sum(path.stat().st_size for path in found) for kind, found in files.items()}
    measured = Measured(
        kind=source.kind,
        workers=workers,
        rows=source.rows,
        raw_gb=source.raw_bytes / GB,
        shards_gb=sizes["safetensors"] / GB,
        parquet_gb=sizes["parquet"] / GB,
        tasks=sum(map(len, files.values())),
        wall_s=ended.usage.wall_s,
        stages=json.loads(noted.read_text())["seconds"],
        cpu_s=ended.usage.cpu_s,
        driver_s=json.loads(ended.output.splitlines()[-1]),
        peak_mib=ended.usage.peak_mib,
        load=load,
    )
    shutil.rmtree(out)
    return measured
