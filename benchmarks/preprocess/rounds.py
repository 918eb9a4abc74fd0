"""Contenders in turn, round after round."""

import random
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from load.run_child import Interpreters, without_folders
from load.task import NOT_INSTALLED
from preprocess.contender import Contender
from preprocess.job import Counts
from preprocess.measure import Build, BuildError, Place, measure
from preprocess.recipes import Source


@dataclass(slots=True)
class Result:
    """What became of a contender: its builds, one a round, or why there are none."""

    contender: Contender
    version: str = ""
    error: str = ""
    builds: list[Build] = field(default_factory=list)

    @property
    def counts(self) -> Counts:
        """What its first build holds."""
        return self.builds[0].counts if self.builds else {}


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure."""

    rounds: int
    place: Place
    interpreters: Interpreters
    log: Callable[[str], None]


def run_rounds(
    contenders: Sequence[Contender], source: Source, plan: Plan, *, count: bool = True
) -> list[Result]:
    """Return the result of each contender, in order.

    Each round has an order of its own, drawn with its number, so that none always follows the
    same. One that fails is left out from then on.

    Args:
        contenders: The builders that take part.
        source: The raw files that all of them build from.
        plan: The way to measure.
        count: Whether to count what the builds of the first round hold.
    """
    results = [_find(contender, plan) for contender in contenders]
    for turn in range(plan.rounds):
        for result in random.Random(turn).sample(results, len(results)):  # noqa: S311  no secret
            if result.error:
                continue
            name = result.contender.name
            plan.log(f"{source.kind}, {source.rows:,} rows, round {turn + 1}: {name}")
            python = plan.interpreters.of(result.contender.environment)
            try:
                build = measure(
                    result.contender,
                    source,
                    plan.place,
                    python=python or "",
                    count=count and turn == 0,
                )
                result.builds.append(build)
            except BuildError as error:
                result.error = without_folders(str(error))
    return results


def _find(contender: Contender, plan: Plan) -> Result:
    """Return a result without builds, with the version of the contender's package."""
    python = plan.interpreters.of(contender.environment)
    if python is None:
        return Result(contender, error=NOT_INSTALLED)
    code = f"from importlib import metadata; print(metadata.version({contender.package!r}))"
    done = subprocess.run(  # noqa: S603  our own code
        [python, "-c", code], capture_output=True, text=True, check=False
    )
    error = NOT_INSTALLED if done.returncode else ""
    return Result(contender, done.stdout.strip(), error)
