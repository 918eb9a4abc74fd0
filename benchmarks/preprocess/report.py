"""Results as Markdown and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from load.tables import five_digits, number, table
from preprocess.growth import Step
from preprocess.recipes import Source
from preprocess.rounds import Result
from preprocess.stages import stage_seconds

_NONE = "-"
_MB = 1e6
_HEADER = [
    "builder",
    "wall, s",
    "times shardmill's",
    "CPU, s",
    "peak memory, MiB",
    "own, MiB",
    "result, MB",
    "left besides, MB",
    "result is the same",
]


def case_facts(source: Source, results: Sequence[Result]) -> dict[str, Any]:
    """Return everything but paths: medians and the single rounds."""
    reference = results[0]
    return {
        "kind": source.kind,
        "rows": source.rows,
        "raw_bytes": source.raw_bytes,
        "builders": [_facts(result, reference) for result in results],
    }


def growth_facts(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the same for steps of growth."""
    return [
        {
            "kind": step.kind,
            "rows": step.rows,
            "raw_bytes": step.raw_bytes,
            "builders": [_facts(result, result) for result in step.results],
        }
        for step in steps
    ]


def _facts(result: Result, reference: Result) -> dict[str, Any]:
    contender = result.contender
    facts: dict[str, Any] = {
        "name": contender.name,
        "package": contender.package,
        "version": result.version,
        "workers": contender.workers,
        "error": result.error,
        "counts": result.counts,
        "builds": [asdict(build) for build in result.builds],
    }
    if result.builds:
        facts["medians"] = {
            "wall_s": _median(result, "wall_s"),
            "cpu_s": _median(result, "cpu_s"),
            "peak_mib": _median(result, "peak_mib"),
            "own_mib": _median(result, "own_mib"),
            "of_shardmill": ratio(result, reference),
        }
    return five_digits(facts)


def ratio(result: Result, reference: Result) -> float | None:
    """Return the median of the ratios of wall times, each taken within its round."""
    pairs = zip(result.builds, reference.builds, strict=False)
    ratios = [build.usage.wall_s / other.usage.wall_s for build, other in pairs]
    return median(ratios) if ratios else None


def _median(result: Result, name: str) -> float:
    return float(median(getattr(build.usage, name) for build in result.builds))


def case_markdown(source: Source, results: Sequence[Result]) -> str:
    """Return the table of one kind of raw files, and what there is to say of its lines."""
    counts = ", ".join(f"{name} {_count(value)}" for name, value in results[0].counts.items())
    raw = f"{source.rows:,} rows, {source.raw_bytes / _MB:.1f} MB of raw files"
    lines = [f"### {source.kind}: {raw}", table(_HEADER, [_line(r, results[0]) for r in results])]
    notes = [f"- {results[0].contender.name} built: {counts}"] if counts else []
    notes += [f"- {r.contender.name}: {r.error}" for r in results if r.error]
    notes += [
        f"- {r.contender.name}: {median(inside):.3g} s without start and imports"
        for r in results
        if (inside := [b.inside_s for b in r.builds if b.inside_s is not None])
    ]
    return "\n\n".join([*lines, "\n".join(notes)]).rstrip() + "\n"


def _line(result: Result, reference: Result) -> list[str]:
    if not result.builds:
        error = "failed" if result.error != "not installed" else result.error
        return [result.contender.name, error, *[_NONE] * (len(_HEADER) - 2)]
    of_reference = ratio(result, reference)
    last = result.builds[-1]
    return [
        result.contender.name,
        number(_median(result, "wall_s")),
        _NONE if of_reference is None else f"{of_reference:.2g}",
        number(_median(result, "cpu_s")),
        number(_median(result, "peak_mib")),
        number(_median(result, "own_mib")),
        number(last.out_bytes / _MB),
        number(last.left_bytes / _MB),
        same(result, reference),
    ]


def same(result: Result, reference: Result) -> str:
    """Say whether two contenders built the same, or in what they differ."""
    if result.contender.counts is None:
        return _NONE
    if not result.counts or not reference.counts:
        return "not counted"
    expected = reference.counts
    differing = [name for name, value in result.counts.items() if value != expected.get(name)]
    if not differing:
        return "yes"
    return "no: " + ", ".join(f"{name} {_count(result.counts[name])}" for name in differing)


def _count(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def growth_markdown(title: str, steps: Sequence[Step]) -> str:
    """Return a table with a line for each size and number of workers."""
    header = [
        "kind",
        "rows",
        "raw, MB",
        "workers",
        "wall, s",
        "CPU, s",
        "a row, us",
        "of the first size",
    ]
    header += ["peak memory, MiB", "own, MiB", "seconds by stage"]
    first = {(step.kind, i): step for step in reversed(steps) for i in range(len(step.results))}
    lines = []
    errors = []
    for step in steps:
        for i, result in enumerate(step.results):
            if result.error:
                errors.append(f"- {step.rows:,} rows, {result.contender.name}: {result.error}")
            if result.builds:
                lines.append(_growth_line(step, result, first[step.kind, i], i))
    return "\n\n".join([f"### {title}", table(header, lines), *errors]) + "\n"


def _growth_line(step: Step, result: Result, first: Step, i: int) -> list[str]:
    row_us = 1e6 * _median(result, "wall_s") / step.rows
    small = first.results[i]
    small_us = 1e6 * _median(small, "wall_s") / first.rows if small.builds else None
    stages = stage_seconds(result.builds)
    return [
        step.kind,
        f"{step.rows:,}",
        number(step.raw_bytes / _MB),
        str(result.contender.workers),
        number(_median(result, "wall_s")),
        number(_median(result, "cpu_s")),
        number(row_us),
        _NONE if small_us is None else f"{row_us / small_us:.2g}",
        number(_median(result, "peak_mib")),
        number(_median(result, "own_mib")),
        ", ".join(f"{name} {seconds:.3g}" for name, seconds in stages.items()),
    ]
