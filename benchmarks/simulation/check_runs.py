"""Holds the simulator against epochs that are read here, from a server on loopback."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from simulation.cases import Case
from simulation.epoch import Outcome, Setting, simulate_epoch
from simulation.limited_server import BUCKET, Limits, Server
from simulation.shard_visits import Rows

import shardmill
from shardmill.atomic import put_file
from shardmill.format.manifest import Manifest
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.store.pull_artifact import pull_artifact

NAME = "pictures"
SIDE = 64  # a picture takes 4 KiB
SHARDS = 40
ROWS_PER_SHARD = 2_048
BATCH = 256
_BENCHMARKS = Path(__file__).parents[1]

_RECIPE = f"""\
name = "{NAME}"
kind = "image"

[target]
classes = ["a", "b", "c"]

[splits.train]
images = {{ path = "images.idx" }}
labels = {{ path = "labels.idx" }}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What an epoch here took.

    Attributes:
        first_s: The seconds until the first rank had its first batch.
        epoch_s: The seconds until the last rank had done its last batch.
        waiting: Which share of the time the ranks waited for batches.
        requests: How many files of shards were asked of the server.
        bytes: How many bytes they had.
    """

    first_s: float
    epoch_s: float
    waiting: float
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The fastest of the runs of a case, and what was simulated.

    Attributes:
        measured_s: The seconds of the epoch.
        simulated_s: The same, simulated.
        ratio: What was simulated, divided by what was measured.
        first_s: The seconds until the first batch.
        simulated_first_s: The same, simulated.
        waiting: Which share of the time the ranks waited for batches.
        simulated_waiting: The same, simulated.
        files: How many files of shards were asked of the server.
        simulated_files: The same, simulated.
        mb: How many MB came.
        simulated_mb: The same, simulated.
    """

    measured_s: float
    simulated_s: float
    ratio: float
    first_s: float
    simulated_first_s: float
    waiting: float
    simulated_waiting: float
    files: int
    simulated_files: int
    mb: float
    simulated_mb: float


def _figures(run: Run, simulated: Outcome) -> Figures:
    return Figures(
        run.epoch_s,
        simulated.epoch_s,
        simulated.epoch_s / run.epoch_s,
        run.first_s,
        simulated.first_s,
        run.waiting,
        simulated.waiting,
        run.requests,
        simulated.requests,
        run.bytes / 1e6,
        sum(simulated.node_bytes) / 1e6,
    )


def write_artifact(bucket: Path) -> Path:
    """Build an artifact of random pictures in a folder, and return its own."""
    raw = bucket / "raw"
    raw.mkdir(parents=True)
    rows = SHARDS * ROWS_PER_SHARD
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 256, (rows, SIDE, SIDE), np.uint8)
    (raw / "images.idx").write_bytes(encode_idx(pictures))
    (raw / "labels.idx").write_bytes(encode_idx(np.arange(rows, dtype=np.int32) % 3))
    (raw / "recipe.toml").write_text(_RECIPE)
    command = [sys.executable, "-m", "shardmill", "preprocess", str(raw / "recipe.toml")]
    command += ["--raw", str(raw), "--out", str(bucket), "--quiet"]
    subprocess.run([*command, "--rows-per-shard", str(ROWS_PER_SHARD)], check=True)  # noqa: S603
    shutil.rmtree(raw)
    return bucket / NAME


class Checks:
    """Reads and simulates epochs of one artifact.

    Args:
        server: The server.
        artifact: The artifact in its folder.
        folder: Where caches are, which are removed after each run.
    """

    def __init__(self, server: Server, artifact: Path, folder: Path) -> None:
        self._server = server
        self._artifact = artifact
        self._folder = folder
        self._url = f"{server.endpoint}/{BUCKET}/{NAME}"
        self._split = Manifest.load(artifact).splits["train"]
        self._row_bytes = shardmill.open(artifact).reader.row_bytes
        self._bytes = sum(shard.bytes for shard in self._split.shards)

    def compare(self, case: Case, runs: int) -> Figures:
        """Read an epoch some times and simulate it.

        What was read fastest counts, and what was fastest of all that the simulator is told.
        """
        setting, found = self._setting(case), []
        local: list[tuple[float, float]] = []
        pulled, written = [], []
        for _ in range(runs):  # in turn, so that what else the machine does slows all of them
            found.append(self._run(case))
            local.append(self._local(case, setting.most))
            written.append(self._write_s())
            pulled.append(case.limits.bytes_s or self._pull_bytes_s())
        setting = replace(
            setting,
            store_bytes_s=max(pulled),
            rows_s=max(rows_s for rows_s, _ in local),
            step_s=min(step_s for _, step_s in local),
            write_s=min(written),
        )
        fastest = min(found, key=lambda run: run.epoch_s)
        return _figures(fastest, simulate_epoch(setting))

    def _setting(self, case: Case) -> Setting:
        rows = Rows(
            rows=self._split.rows,
            row_bytes=self._row_bytes,
            rows_per_shard=self._split.rows_per_shard,
            batch_size=BATCH,
            shuffle=case.shuffle,
            labelled=True,
        )
        if rows.shard_bytes.tolist() != [shard.bytes for shard in self._split.shards]:
            raise ValueError("the simulator takes shards for larger or smaller than they are")
        return Setting(
            rows=rows,
            nodes=case.nodes,
            ranks=case.ranks,
            cache_bytes=self._cache_bytes(case),
            latency_s=case.limits.latency_s,
        )

    def _cache_bytes(self, case: Case) -> int | None:
        return None if case.cache is None else int(case.cache * self._bytes)

    def _local(self, case: Case, most: int | None) -> tuple[float, float]:
        """Return how many rows a second come from files that are here, and how long a step takes.

        Steps take longer than they are told to where others use the cores.
        """
        options = {"url": str(self._artifact), "cache": {}, "loader": _loader(case.shuffle)}
        (found,) = _read([{**options, "step_s": case.step_s, "most": most}], str(self._artifact))
        batches = -(-self._split.rows // BATCH)
        steps_s = found["epoch_s"] - found["waited_s"] if case.step_s else 0.0
        return self._split.rows / found["waited_s"], steps_s / batches

    def _write_s(self) -> float:
        """Return how long it takes until the file of a shard that was written is on the disk."""
        new = self._folder / "new"
        new.write_bytes((self._artifact / self._split.shards[0].path).read_bytes())
        begin = time.perf_counter()
        put_file(new, self._folder / "put")
        return time.perf_counter() - begin

    def _pull_bytes_s(self) -> float:
        """Return how many bytes a second come from a server without limits."""
        self._server.limit(Limits())
        begin = time.perf_counter()
        pull_artifact(self._url, self._folder)
        seconds = time.perf_counter() - begin
        shutil.rmtree(self._folder / NAME)
        return self._server.served().bytes / seconds

    def _run(self, case: Case) -> Run:
        self._server.limit(case.limits)
        world = case.nodes * case.ranks
        options = []
        for rank in range(world):
            cache: dict[str, Any] = {"cache": str(self._folder / str(rank // case.ranks))}
            if case.cache is not None:
                cache["cache_bytes"] = self._cache_bytes(case)
            of_nodes = {"nodes": case.nodes} if case.shuffle in ("nodes", "shards") else {}
            loader = {**_loader(case.shuffle), "rank": rank, "world_size": world, **of_nodes}
            where = {"url": self._url, "cache": cache, "most": None}
            options.append({**where, "loader": loader, "step_s": case.step_s})
        found = _read(options, str(self._artifact))
        served = self._server.served()
        for node in range(case.nodes):
            shutil.rmtree(self._folder / str(node))
        return Run(
            first_s=min(each["first_s"] for each in found),
            epoch_s=max(each["epoch_s"] for each in found),
            waiting=sum(e["waited_s"] for e in found) / sum(e["epoch_s"] for e in found),
            requests=sum("/train-" in key for key in served.keys),
            bytes=served.bytes,
        )


def _loader(shuffle: bool | str) -> dict[str, Any]:
    return {"batch_size": BATCH, "shuffle": shuffle}


def _read(ranks: Sequence[Mapping[str, Any]], warm_up: str) -> list[dict[str, float]]:
    """Read with each rank in a process of its own. All begin when the last one is ready."""
    command = [sys.executable, "-m", "simulation.read_child"]
    with ExitStack() as stack:
        children = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603  our own module
                    [*command, json.dumps({**options, "warm_up": warm_up})],
                    cwd=_BENCHMARKS,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for options in ranks
        ]
        pipes = [(child.stdin, child.stdout) for child in children]
        for _, output in pipes:
            _line_of(output)
        for start, _ in pipes:
            if start is not None:
                start.write("go\n")
                start.flush()
        return [json.loads(_line_of(output)) for _, output in pipes]


def _line_of(output: IO[str] | None) -> str:
    line = "" if output is None else output.readline()
    if not line:
        raise RuntimeError("a process that reads has ended")
    return line
