"""Medians over rounds."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from load.run_case import Result


@dataclass(frozen=True, slots=True)
class Medians:
    """One contender and one kind of pass.

    Attributes:
        of_limit: The median of the ratios to the limit of the same round.
    """

    rows_per_s: float
    of_limit: float | None
    first_batch_ms: float
    p50_ms: float
    p99_ms: float


def medians(result: Result) -> dict[str, Medians]:
    """Return the medians of each kind of pass that was measured."""
    return {name: _of_rounds(timings) for name, timings in result.passes.items()}


def _of_rounds(timings: list[dict[str, Any]]) -> Medians:
    ratios = [
        timing["rows_per_s"] / timing["limit_rows_per_s"]
        for timing in timings
        if timing["limit_rows_per_s"]
    ]
    kinds = ("first_batch_ms", "p50_ms", "p99_ms")
    return Medians(
        rows_per_s=median(timing["rows_per_s"] for timing in timings),
        of_limit=median(ratios) if ratios else None,
        **{kind: median(timing[kind] for timing in timings) for kind in kinds},
    )
