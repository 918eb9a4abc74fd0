"""Times passes over the batches of a contender."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from load.case import Case
from load.contender import Contender, Pass

_EPOCHS_S = 0.2  # one epoch of the fastest takes 5 ms, and its start is not what is measured
_IDLE_S = 0.002  # of processor time in the 20 ms that are looked at


@dataclass(frozen=True, slots=True)
class Timing:
    """What one pass took.

    Attributes:
        rows: that the rate counts.
        rows_per_s: without workers from the start of the iteration on; with workers from the first
            batch on, since they start once, and what that takes is in `first_batch_ms`.
        first_batch_ms: from before the loader is made.
        p50_ms, p99_ms: waiting for one batch after another.
    """

    rows: int
    rows_per_s: float
    first_batch_ms: float
    p50_ms: float
    p99_ms: float


def wait_for_quiet() -> None:
    """Return when this process idles, or after a second.

    Some libraries read ahead in threads for a while after their iterator is gone; that is not to
    slow down whoever comes next.
    """
    for _ in range(50):
        used = time.process_time()
        time.sleep(0.02)
        if time.process_time() - used < _IDLE_S:
            return


def run_pass(
    contender: Contender, dataset: Any, *, case: Case, settings: Pass, seconds: float
) -> Timing:
    """Go through an epoch and return what it took; complete batches alone count.

    It ends after `seconds`, with workers those after the first batch, but not before its second
    batch. Without workers, epochs of a few milliseconds follow one another for a while.

    Raises:
        ValueError: there were not two batches, which a rate needs.
    """
    created = time.perf_counter()
    loader = contender.load(dataset, case, settings)
    started = time.perf_counter()
    stamps, counts = _consume(contender, loader, settings, seconds=seconds)
    if len(stamps) < 2:
        raise ValueError(f"{len(stamps)} batches in an epoch, where at least 2 are needed")
    since = stamps[0] if settings.workers else started
    rows = sum(counts[1:] if settings.workers else counts)
    waits = np.diff(stamps) if settings.workers else np.diff([started, *stamps])
    p50, p99 = np.percentile(waits, [50, 99])
    return Timing(
        rows=rows,
        rows_per_s=rows / (stamps[-1] - since),
        first_batch_ms=(stamps[0] - created) * 1e3,
        p50_ms=float(p50) * 1e3,
        p99_ms=float(p99) * 1e3,
    )


def _consume(
    contender: Contender, loader: Iterable[Any], settings: Pass, *, seconds: float
) -> tuple[list[float], list[int]]:
    # When each batch came, and its rows. Nothing else is done with a batch.
    stamps: list[float] = []
    counts: list[int] = []
    labels = contender.labels
    clock = time.perf_counter
    deadline = float("inf") if settings.workers else clock() + seconds
    again_until = 0.0 if settings.workers else clock() + _EPOCHS_S
    while not stamps or clock() < again_until:
        iterator = iter(loader)
        for batch in iterator:
            now = clock()
            stamps.append(now)
            counts.append(len(labels(batch)))
            if now > deadline and len(stamps) > 1:
                break
            if len(stamps) == 1 and settings.workers:
                deadline = now + seconds
        close = getattr(iterator, "close", None)
        if close is not None:  # of iterators that hold processes or files
            close()
        if not stamps:
            break
    return stamps, counts
