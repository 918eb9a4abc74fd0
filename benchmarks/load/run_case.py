"""Measures all contenders on one data set."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from load.case import Case
from load.contender import MAIN, MOSAICML, Contender
from load.contenders import CONTENDERS
from load.from_memory import LIMIT
from load.run_child import Interpreters, run_child, run_cold
from load.task import FAILED, MEASURED, Answer, Mode, Task

_ALONE_TIMEOUT_S = 1_800.0  # the per-row Dataset of texts takes its time to open
_ROUNDS_TIMEOUT_S = 4 * 3_600.0

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of one contender on one data set.

    Attributes:
        status: `measured`, `not installed` or `failed`.
        error: in one line, also of a part that failed where the others were measured.
        version: of its package.
        passes: by kind of pass, one timing per round.
        fresh: opening and first batch in a new process, and its memory.
        cold: opening and one epoch without its files in the page cache.
    """

    name: str
    status: str
    error: str = ""
    version: str = ""
    passes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fresh: dict[str, Any] = field(default_factory=dict)
    cold: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure: rounds, seconds for a pass, interpreters, and where to tell of progress."""

    rounds: int
    seconds: float
    interpreters: Interpreters
    log: Log

    def task(self, mode: Mode, case: Case, contenders: list[Contender]) -> Task:
        """Return a task for some contenders."""
        names = tuple(contender.name for contender in contenders)
        return Task(mode, case, names, self.rounds, self.seconds)


def run_case(case: Case, plan: Plan) -> tuple[list[Result], dict[str, Any]]:
    """Return the limit's result and those of all contenders, and facts about the processes."""
    contenders = [c for c in CONTENDERS if case.name in c.cases]
    results = {c.name: _write(c, case, plan) for c in contenders}
    processes: dict[str, Any] = {}
    for environment in (MAIN, MOSAICML):
        there = [c for c in contenders if c.environment == environment]
        able = [c for c in there if results[c.name].status == MEASURED]
        if not able:
            continue
        plan.log(f"{case.name}: {plan.rounds} rounds of {', '.join(c.name for c in able)}")
        task = plan.task("rounds", case, able)
        python = plan.interpreters.of(environment)
        answers, processes[environment] = run_child(task, python, timeout_s=_ROUNDS_TIMEOUT_S)
        for name, answer in answers.items():
            if name != LIMIT.name or name not in results:
                results[name] = _with_passes(name, answer)
    for contender in contenders:
        if results[contender.name].status == MEASURED:
            results[contender.name] = _alone(contender, results[contender.name], case, plan=plan)
    names = [LIMIT.name, *(contender.name for contender in contenders)]
    return [results[name] for name in names if name in results], processes


def _write(contender: Contender, case: Case, plan: Plan) -> Result:
    if contender.write is not None:
        plan.log(f"{case.name}: files of {contender.name}")
    task = plan.task("write", case, [contender])
    python = plan.interpreters.of(contender.environment)
    answers, _ = run_child(task, python, timeout_s=_ALONE_TIMEOUT_S)
    answer = answers[contender.name]
    return Result(contender.name, answer.status, answer.error, answer.version)


def _with_passes(name: str, answer: Answer) -> Result:
    return Result(name, answer.status, answer.error, answer.version, passes=answer.facts)


def _alone(contender: Contender, result: Result, case: Case, *, plan: Plan) -> Result:
    plan.log(f"{case.name}: {contender.name} in a new process, then without page cache")
    python = plan.interpreters.of(contender.environment)
    fresh, _ = run_child(plan.task("fresh", case, [contender]), python, timeout_s=_ALONE_TIMEOUT_S)
    cold, _ = run_cold(
        plan.task("cold", case, [contender]), contender, python, timeout_s=_ALONE_TIMEOUT_S
    )
    answers = {"new process": fresh[contender.name], "cold": cold[contender.name]}
    errors = [result.error] if result.error else []
    errors += [f"{part}: {a.error}" for part, a in answers.items() if a.status == FAILED]
    return replace(
        result,
        error="; ".join(errors),
        fresh=fresh[contender.name].facts,
        cold=cold[contender.name].facts,
    )
