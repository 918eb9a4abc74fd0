"""What a child process is asked to do, and what it answers."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from load.case import Case

Mode = Literal["write", "fresh", "cold", "rounds"]

MEASURED = "measured"
NOT_INSTALLED = "not installed"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Task:
    """One child's work.

    Attributes:
        mode: `write` the contender's format; open it and read one epoch `fresh` in a new process,
            or after its files were dropped from the page cache (`cold`); or measure passes of all
            contenders in `rounds`.
        contenders: names; one, but for `rounds`.
        seconds: after which a pass ends.
    """

    mode: Mode
    case: Case
    contenders: tuple[str, ...]
    rounds: int
    seconds: float

    def to_json(self) -> str:
        """Return the task as text for another process."""
        return json.dumps(asdict(self))


def task_from_json(text: str) -> Task:
    """Return what `Task.to_json` wrote."""
    given = json.loads(text)
    given["case"] = Case(**given["case"])
    given["contenders"] = tuple(given["contenders"])
    return Task(**given)


def describe_error(error: BaseException) -> str:
    """Return an error in one line: its first, or of one sent by a worker the last."""
    lines = str(error).strip().splitlines() or [""]
    if lines[0].startswith("Caught "):
        return lines[-1][:300]
    return f"{type(error).__name__}: {lines[0]}"[:300]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one contender in one child.

    Attributes:
        status: `measured`, `not installed` or `failed`.
        error: of one that failed, in one line.
        version: of its package.
        facts: what was measured.
    """

    status: str
    error: str = ""
    version: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
