"""Measures the throughput of contenders side by side, in rounds.

In each round every contender has its turn at every kind of pass, so that what a shared machine
does besides comes to all. The limit runs before and after shardmill in the same seconds, and
ratios are taken within the round.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from load.contender import Contender, Pass
from load.contenders import contender_named
from load.from_memory import LIMIT
from load.measure import run_pass, wait_for_quiet
from load.task import FAILED, MEASURED, Answer, Task, describe_error

PASSES = tuple((shuffle, workers) for workers in (0, 2) for shuffle in (True, False))
_WARM_UP_SEED = 1_000_000


class Rounds:
    """The contenders of a task, opened, and what was measured so far.

    A contender that fails in one kind of pass is left out of that kind from then on.
    """

    def __init__(self, task: Task, load_package: Callable[[Contender], Answer]) -> None:
        self.task = task
        self.answers: dict[str, Answer] = {}
        self._opened: dict[str, tuple[Contender, Any]] = {}
        self._failed: set[tuple[str, str]] = set()
        for contender in (LIMIT, *map(contender_named, task.contenders)):
            self.answers[contender.name] = load_package(contender)
            if self.answers[contender.name].status == MEASURED:
                self._open(contender)

    def _open(self, contender: Contender) -> None:
        try:
            dataset = contender.open(self.task.case, contender.place(self.task.case))
        except Exception as error:
            self._note(contender.name, "open", error)
        else:
            self._opened[contender.name] = (contender, dataset)

    def _note(self, name: str, part: str, error: Exception) -> None:
        old = self.answers[name]
        errors = [*([old.error] if old.error else []), f"{part}: {describe_error(error)}"]
        self.answers[name] = replace(old, error="; ".join(errors))

    def time(self, name: str, settings: Pass) -> dict[str, Any] | None:
        """Return the timing of one pass, or None for a contender that has failed in its kind."""
        if name not in self._opened or (name, settings.name) in self._failed:
            return None
        contender, dataset = self._opened[name]
        case, seconds = self.task.case, self.task.seconds
        wait_for_quiet()
        try:
            timing = run_pass(contender, dataset, case=case, settings=settings, seconds=seconds)
        except Exception as error:
            self._failed.add((name, settings.name))
            self._note(name, settings.name, error)
            return None
        return asdict(timing)

    def record(self, name: str, settings: Pass, timing: dict[str, Any]) -> None:
        """Note a timing under its kind of pass."""
        self.answers[name].facts.setdefault(settings.name, []).append(timing)

    def result(self) -> dict[str, Answer]:
        """Return what became of each contender; one without any timing has failed."""
        return {
            name: replace(answer, status=FAILED) if answer.error and not answer.facts else answer
            for name, answer in self.answers.items()
        }


def run_rounds(task: Task, load_package: Callable[[Contender], Answer]) -> dict[str, Answer]:
    """Return, by contender, the timings of each kind of pass, one per round.

    Each timing has `limit_rows_per_s`: the limit in the same round, the mean of its passes before
    and after shardmill's.
    """
    rounds = Rounds(task, load_package)
    for name in (LIMIT.name, *task.contenders):
        rounds.time(name, Pass(shuffle=True, workers=0, seed=_WARM_UP_SEED))
    for seed in range(task.rounds):
        for shuffle, workers in PASSES:
            _run_turn(rounds, Pass(shuffle=shuffle, workers=workers, seed=seed))
    return rounds.result()


def _run_turn(rounds: Rounds, settings: Pass) -> None:
    # The limit has no workers, and is the same limit for those that have.
    alone = Pass(settings.shuffle, 0, settings.seed)
    names = rounds.task.contenders
    ours = [name for name in names if contender_named(name).package == "shardmill"]
    others = [name for name in names if name not in ours]
    limits = [rounds.time(LIMIT.name, alone)]
    timings = {name: rounds.time(name, settings) for name in ours}
    limits.append(rounds.time(LIMIT.name, alone))
    timings |= {name: rounds.time(name, settings) for name in others}
    rates = [limit["rows_per_s"] for limit in limits if limit is not None]
    mean = sum(rates) / len(rates) if rates else None
    for limit in limits:
        if limit is not None:
            rounds.record(LIMIT.name, settings, limit | {"limit_rows_per_s": mean})
    for name, timing in timings.items():
        if timing is not None:
            rounds.record(name, settings, timing | {"limit_rows_per_s": mean})
