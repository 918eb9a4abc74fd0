"""Results as Markdown and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from load.case import Case
from load.contender import Pass
from load.from_memory import LIMIT
from load.rounds import PASSES
from load.run_case import Result
from load.summarise import Medians, medians
from load.tables import five_digits, number, table
from load.task import MEASURED

PASS_NAMES = tuple(Pass(shuffle, workers, 0).name for shuffle, workers in PASSES)
SHUFFLED = PASS_NAMES[0]
_NONE = "-"


@dataclass(frozen=True, slots=True)
class CaseReport:
    """A data set, the results on it, and facts about the processes that measured."""

    case: Case
    results: Sequence[Result]
    processes: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but paths: the medians and the single rounds."""
        return {
            "name": self.case.name,
            "rows": self.case.rows,
            "batch_size": self.case.batch_size,
            "processes": self.processes,
            "contenders": [_facts(result) for result in self.results],
        }


def _facts(result: Result) -> dict[str, Any]:
    # The rounds of each kind of pass as columns, which say each name once.
    rounds = {
        name: {column: [timing[column] for timing in timings] for column in timings[0]}
        for name, timings in result.passes.items()
    }
    found = {name: asdict(one) for name, one in medians(result).items()}
    facts = asdict(result) | {
        "passes": {k: {"medians": found[k], "rounds": rounds[k]} for k in found}
    }
    return five_digits(facts)


def markdown(report: CaseReport) -> str:
    """Return the tables of one data set: throughput, then latency and memory."""
    title = (
        f"### {report.case.name}: {report.case.rows:,} rows, batches of {report.case.batch_size:,}"
    )
    parts = [title, table(_throughput_header(), [_throughput(r) for r in report.results])]
    alone = [result for result in report.results if result.name != LIMIT.name]
    parts.append(table(_LATENCY_HEADER, [_latency(result) for result in alone]))
    errors = [f"- {r.name}: {r.error}" for r in report.results if r.error]
    return "\n\n".join([*parts, *(["\n".join(errors)] if errors else [])]) + "\n"


def _throughput_header() -> list[str]:
    header = ["reader"]
    for name in PASS_NAMES:
        header += [f"{name}, rows/s", "of limit"]
    return header


def _throughput(result: Result) -> list[str]:
    if not result.passes:
        return [result.name, result.status, *[_NONE] * (2 * len(PASS_NAMES) - 1)]
    found = medians(result)
    cells = [result.name]
    for name in PASS_NAMES:
        one = found.get(name)
        cells += [_NONE, _NONE] if one is None else [f"{one.rows_per_s:,.0f}", _ratio(one)]
    return cells


def _ratio(one: Medians) -> str:
    return _NONE if one.of_limit is None else f"{one.of_limit:.2g}"


_LATENCY_HEADER = [
    "reader",
    "open, ms",
    "first batch, new process, ms",
    "first batch, 0 workers, ms",
    "first batch, 2 workers, ms",
    "batch p50, ms",
    "batch p99, ms",
    "own memory, MiB",
    "all memory, MiB",
    "cold open, ms",
    "cold epoch, rows/s",
]


def _latency(result: Result) -> list[str]:
    if result.status != MEASURED and not result.passes:
        return [result.name, result.status, *[_NONE] * (len(_LATENCY_HEADER) - 2)]
    found = medians(result)
    alone = found.get(SHUFFLED)
    workers = found.get(PASS_NAMES[2])
    memory = result.fresh.get("memory_mib") or {}
    numbers: list[float | None] = [
        result.fresh.get("open_ms"),
        result.fresh.get("first_batch_ms"),
        alone.first_batch_ms if alone else None,
        workers.first_batch_ms if workers else None,
        alone.p50_ms if alone else None,
        alone.p99_ms if alone else None,
        memory.get("own"),
        memory.get("total"),
        result.cold.get("open_ms"),
        result.cold.get("rows_per_s"),
    ]
    return [result.name, *map(number, numbers)]
