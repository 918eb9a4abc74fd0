"""Fits straight lines to builds that were measured: so much to begin with, and so much a GB."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from simulation.measure_builds import GB, Measured

from shardmill.raw.work_sizes import DEFAULT_SIZES

STAGES = ("rest", "clean", "fit", "shard")
# Parts of `clean` or `shard`, which only some builds have.
_WITHIN = {"scan": "clean", "hold out": "clean", "prepare": "shard"}


@dataclass(frozen=True, slots=True)
class Costs:
    """What builds of a kind take.

    Attributes:
        start_s: The processor seconds of a build of nothing.
        stage_s_gb: The processor seconds of each stage for a GB of raw files, by one worker. `rest`
            is what no stage notes: hashes of the raw files, and imports.
        pool_s_gb: The processor seconds for a GB with several workers, in all processes.
        driver_s_gb: The part of them that the driver takes, which no worker can take over. Small
            files do not count, since the driver hashes these itself.
        shards_gb: The GB of shards that a GB of raw files becomes.
        parquet_gb: The GB of cleaned rows.
        row_bytes: How many raw bytes a row has.
        one_mib: The highest memory with one worker.
        two_mib: The highest memory with two workers.
        off: By how much the line is off at worst, as a share of the processor seconds of a build
            with several workers.
    """

    start_s: float
    stage_s_gb: dict[str, float]
    pool_s_gb: float
    driver_s_gb: float
    shards_gb: float
    parquet_gb: float
    row_bytes: float
    one_mib: float
    two_mib: float
    off: float


def fit_costs(builds: Iterable[Measured]) -> dict[str, Costs]:
    """Return the costs of each kind, fitted to its builds.

    Of several builds of one size, the one that took the fewest processor seconds counts: what else
    the machine does only adds to them.
    """
    kinds: defaultdict[str, list[Measured]] = defaultdict(list)
    for build in builds:
        kinds[build.kind].append(build)
    return {kind: _costs(found) for kind, found in kinds.items()}


def _costs(builds: Sequence[Measured]) -> Costs:
    one, several = (_least(builds, workers) for workers in (1, 2))
    stages = {stage: _line(one, [_with_rest(b)[stage] for b in one]) for stage in STAGES}
    pool_start, pool_slope = _line(several, [build.cpu_s for build in several])
    largest = several[-1]
    large = [build for build in several if build.raw_gb * GB > DEFAULT_SIZES.large_bytes]
    return Costs(
        start_s=sum(start for start, _ in stages.values()),
        stage_s_gb={stage: slope for stage, (_, slope) in stages.items()},
        pool_s_gb=pool_slope,
        driver_s_gb=_line(large, [build.driver_s["all"] for build in large])[1],
        shards_gb=largest.shards_gb / largest.raw_gb,
        parquet_gb=largest.parquet_gb / largest.raw_gb,
        row_bytes=GB * largest.raw_gb / largest.rows,
        one_mib=max(build.peak_mib for build in one),
        two_mib=max(build.peak_mib for build in several),
        off=max(abs((pool_start + pool_slope * b.raw_gb) / b.cpu_s - 1) for b in several),
    )


def _least(builds: Sequence[Measured], workers: int) -> list[Measured]:
    sizes: dict[float, Measured] = {}
    for build in builds:
        if build.workers == workers:
            best = sizes.setdefault(build.raw_gb, build)
            sizes[build.raw_gb] = min(best, build, key=lambda each: each.cpu_s)
    return [sizes[size] for size in sorted(sizes)]


def _by_stage(build: Measured) -> Mapping[str, float]:
    found = dict.fromkeys(STAGES, 0.0)
    for stage, seconds in build.driver_s.items():
        if stage != "all":
            found[_WITHIN.get(stage, stage)] += seconds
    return found


def _with_rest(build: Measured) -> Mapping[str, float]:
    found = _by_stage(build)
    return {**found, "rest": build.cpu_s - sum(found.values())}


def _line(builds: Sequence[Measured], values: Sequence[float]) -> tuple[float, float]:
    """Return the value at 0 GB and the slope for a GB, neither below 0, of the nearest line."""
    sizes = np.array([build.raw_gb for build in builds])
    # Relative errors count, so that large builds do not decide alone.
    weights = 1 / np.maximum(values, 0.05)
    columns = np.stack([np.ones_like(sizes), sizes], 1)
    (start, slope), *_ = np.linalg.lstsq(columns * weights[:, None], values * weights, rcond=None)
    return max(float(start), 0.0), max(float(slope), 0.0)
