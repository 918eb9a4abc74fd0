"""What is measured at scale. Each function runs in a process of its own and returns its figures."""

import itertools
import math
import statistics
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from load.memory import Memory, resident

if TYPE_CHECKING:
    import numpy.typing as npt

Figures = dict[str, float]

BATCHES = 1_000_000
MB_PER_MIB = 2**20 / 1e6
BILLION = 10**9


def open_shards(artifact: Path) -> Figures:
    """Open an artifact and read its first row, after the imports; milliseconds."""
    import shardmill

    shardmill.open(artifact)[0]  # imports
    opened, first = [], []
    dataset = None
    for _ in range(5):
        dataset = None  # the maps of the one before are gone
        start = time.perf_counter()
        dataset = shardmill.open(artifact)
        middle = time.perf_counter()
        dataset[0]
        opened.append(1e3 * (middle - start))
        first.append(1e3 * (time.perf_counter() - start))
    shards = len(shardmill.open(artifact).manifest.splits["train"].shards)
    return {
        "shards": shards,
        "open_ms": statistics.median(opened),
        "open_and_first_row_ms": statistics.median(first),
    }


def compare_shards(few: Path, many: Path) -> Figures:
    """Epochs over the same rows in few and in many shards, in turn; rows per second."""
    import torch

    import shardmill

    torch.set_num_threads(1)
    datasets = [shardmill.open(path) for path in (few, many)]
    loaders = [dataset.loader(256, shuffle=True) for dataset in datasets]
    rates: list[list[float]] = [[], []]
    for turn in range(6):
        for loader, rate in zip(loaders, rates, strict=True):
            start = time.perf_counter()
            for _ in loader:
                pass
            if turn:  # the first one maps
                rate.append(len(datasets[0]) / (time.perf_counter() - start))
    ratios = [b / a for a, b in zip(*rates, strict=True)]
    return {
        "few_rows_per_s": statistics.median(rates[0]),
        "many_rows_per_s": statistics.median(rates[1]),
        "many_to_few": statistics.median(ratios),
    }


def open_large(artifact: Path) -> Figures:
    """Open a large artifact and read a batch; growth of resident memory in MB."""
    import shardmill

    shardmill.open(artifact.parent / "small")[0]  # imports
    before = resident_mb()
    dataset = shardmill.open(artifact)
    dataset[0]
    opened = resident_mb()
    split = dataset.manifest.splits["train"]
    return {
        "artifact_gb": sum(shard.bytes for shard in split.shards) / 1e9,
        "shards": len(split.shards),
        "open_and_first_row_mb": opened - before,
    }


def read_in_slots(artifact: Path, epoch_rows: int) -> Figures:
    """Open very many shards, and read rows of an epoch of which a process cannot map all shards.

    Memory is what this process owns, in MB: pages of shards are page cache.
    """
    import torch

    import shardmill

    torch.set_num_threads(1)
    shardmill.open(artifact.parent / "small")[0]  # imports
    before, start = owned_mb(), time.perf_counter()
    dataset = shardmill.open(artifact)
    opened_s, opened_mb = time.perf_counter() - start, owned_mb()
    dataset[0]
    figures = {
        "shards": len(dataset.manifest.splits["train"].shards),
        "open_ms": 1e3 * opened_s,
        "open_mb": opened_mb - before,
        "open_and_first_row_ms": 1e3 * (time.perf_counter() - start),
    }
    for order in (True, "blocks"):
        start, rows = time.perf_counter(), 0
        for batch in dataset.loader(256, shuffle=order):
            rows += len(batch)
            if rows >= epoch_rows:
                break
        name = "shuffled" if order is True else order
        figures[f"{name}_rows_per_s"] = rows / (time.perf_counter() - start)
    return figures | {"read_mb": owned_mb() - before}


def many_batches(artifact: Path, workers: int) -> Figures:
    """A million batches of four rows; memory that this process and its workers own, in MB."""
    import shardmill

    dataset = shardmill.open(artifact)
    keep = workers > 0
    loader = dataset.loader(4, shuffle=True, num_workers=workers, persistent_workers=keep)
    seen = 0
    owned: dict[int, float] = {}
    while seen < BATCHES:
        for _ in loader:
            seen += 1
            if seen % (BATCHES // 10) == 0:
                owned[seen] = owned_mb()
            if seen == BATCHES:
                break
    return {"workers": workers} | {f"mb_after_{at:,}": mb for at, mb in owned.items()}


def shuffle_a_billion() -> Figures:
    """The shuffled order of 10^9 rows: memory, time, and whether it is any good."""
    import numpy as np
    import torch

    from shardmill.datasets.order.epoch_order import EpochOrder
    from shardmill.datasets.order.place import Place
    from shardmill.datasets.order.row_order import Shuffled

    torch.arange(10)
    before = resident_mb()
    start = time.perf_counter()
    order = EpochOrder(Shuffled(BILLION, 0), 256)
    batches = iter(order)
    next(batches)
    first_ms = 1e3 * (time.perf_counter() - start)
    groups = itertools.islice(order.groups(Place(0, 0), 256), 16)
    rows = torch.cat([group.reshape(-1) for group in groups])
    seconds = time.perf_counter() - start
    where = rows.numpy() / BILLION
    bins = 1024
    counts = np.bincount((where * bins).astype(np.int64), minlength=bins)
    pairs = np.histogram2d(where[::2], where[1::2], bins=32, range=[[0, 1], [0, 1]])[0]
    return {
        "grown_mb": resident_mb() - before,
        "first_batch_ms": first_ms,
        "ns_per_row": 1e9 * seconds / len(rows),
        "chi_square_z": chi_square_z(counts),
        "pairs_chi_square_z": chi_square_z(pairs),
        "serial_correlation_z": float(np.corrcoef(where[:-1], where[1:])[0, 1] * len(rows) ** 0.5),
    }


def chi_square_z(counts: "npt.NDArray[Any]") -> float:
    """Return how many standard deviations chi-square is from its mean, if all bins are alike."""
    expected = counts.sum() / counts.size
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = counts.size - 1
    return (statistic - freedom) / math.sqrt(2 * freedom)


def resident_mb() -> float:
    """Return the resident memory of this process in MB, pages of mapped files counted in."""
    return _memory("self").total * MB_PER_MIB


def owned_mb() -> float:
    """Return the memory in MB that this process and its children share with no file."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return sum(_memory(process).own for process in ("self", *children)) * MB_PER_MIB


def _memory(process: str) -> Memory:
    memory = resident(process)
    if memory is None:
        raise OSError("this system does not tell the memory of a process in /proc")
    return memory
