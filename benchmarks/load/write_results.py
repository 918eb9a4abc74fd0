"""Writes what a benchmark measured, once with every round and once summarised.

The file with the rounds stays in the output folder. The summarised file is small enough to be
committed: it holds medians, the lowest and the highest figure, and the number of rounds.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from load.tables import five_digits

_WIDTH = 700  # A value whose JSON is longer than this is written on several lines.
_EMPTY: tuple[object, ...] = ("", {}, [])  # A summary leaves out what says nothing.


def write_results(facts: Mapping[str, Any], path: Path) -> None:
    """Write the summarised results, and all rounds to a file beside it.

    Args:
        facts: The results with all rounds.
        path: Where the summarised results go. The rounds go to the same name with `_rounds`.
    """
    rounds = path.with_name(f"{path.stem}_rounds{path.suffix}")
    rounds.write_text(json.dumps(facts, indent=1) + "\n")
    path.write_text(to_json(summarise(facts)) + "\n")


def summarise(facts: Any) -> Any:
    """Return a copy of results in which a summary stands for the single rounds.

    Args:
        facts: Anything that JSON can hold. A mapping with `medians` and `rounds` is a reader's
            pass, and one with `builds` is a builder. Of all others, what is not empty is copied.
    """
    if isinstance(facts, Mapping):
        if "medians" in facts and isinstance(facts.get("rounds"), Mapping):
            return _summarise_pass(facts)
        if "builds" in facts:
            return _summarise_builder(facts)
        kept = {name: value for name, value in facts.items() if value not in _EMPTY}
        return {name: summarise(value) for name, value in kept.items()}
    if isinstance(facts, list | tuple):
        return [summarise(value) for value in facts]
    return facts


def to_json(value: Any, indent: int = 0) -> str:
    """Return JSON in which each value that is short enough takes a single line.

    Args:
        value: Anything that JSON can hold.
        indent: How many spaces stand before the value.
    """
    text = json.dumps(value)
    if len(text) <= _WIDTH or not isinstance(value, Mapping | Sequence):
        return text
    inner = " " * (indent + 1)
    lines = ",\n".join(inner + line for line in _members(value, indent + 1))
    opening, closing = ("{", "}") if isinstance(value, Mapping) else ("[", "]")
    return f"{opening}\n{lines}\n{' ' * indent}{closing}"


def _members(value: Mapping[str, Any] | Sequence[Any], indent: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield f"{json.dumps(name)}: {to_json(member, indent)}"
    else:
        for member in value:
            yield to_json(member, indent)


def _summarise_pass(facts: Mapping[str, Any]) -> dict[str, Any]:
    columns = {name: facts["rounds"][name] for name in facts["medians"] if name in facts["rounds"]}
    return {
        "rounds": len(facts["rounds"]["rows_per_s"]),
        "medians": facts["medians"],
        "min": {name: min(figures) for name, figures in columns.items()},
        "max": {name: max(figures) for name, figures in columns.items()},
    }


def _summarise_builder(facts: Mapping[str, Any]) -> dict[str, Any]:
    summary = {name: value for name, value in facts.items() if name != "builds"}
    builds = facts["builds"]
    summary["rounds"] = len(builds)
    if not builds:
        return summary
    usages = [build["usage"] for build in builds]
    summary["min"] = {name: min(usage[name] for usage in usages) for name in usages[0]}
    summary["max"] = {name: max(usage[name] for usage in usages) for name in usages[0]}
    # The README shows the sizes of the last build.
    summary["out_bytes"] = builds[-1]["out_bytes"]
    summary["left_bytes"] = builds[-1]["left_bytes"]
    inside = [build["inside_s"] for build in builds if build["inside_s"] is not None]
    summary["inside_s"] = median(inside) if inside else None
    summary["stages"] = {
        name: median(build["stages"].get(name, 0.0) for build in builds)
        for name in builds[0]["stages"]
    }
    return five_digits(summary)
