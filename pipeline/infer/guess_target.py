"""Guesses which column is the target, and whether it is a class or a number."""

import re
from collections.abc import Mapping, Sequence

from shardmill.errors import UnclearFilesError
from shardmill.faults import hint
from shardmill.pipeline.infer.column_facts import ColumnFacts
from shardmill.pipeline.infer.guess import Guess
from shardmill.pipeline.infer.guess_column import is_text, number_keys

_SURE = ("target", "label", "class", "y")
_LIKELY = {"labels", "classes", "category", "sentiment", "outcome", "output", "species", "price"}
_LIKELY |= {"survived", "income", "quality", "rating", "stars", "diagnosis", "churn", "spam"}
_MOST_CLASSES = 1_000
_MOST_NUMBERED = 20  # more whole numbers than these are an amount


def find_target(
    columns: Mapping[str, ColumnFacts], wanted: str | None, where: str
) -> tuple[str, str]:
    """Return the column of the target, and why it was chosen; no reason if it was named.

    Args:
        columns: The facts of all columns.
        wanted: The column that the user named.
        where: The files, for errors.

    Raises:
        UnclearFilesError: There is no such column, or none that is the target without doubt.
    """
    if wanted is not None:
        if wanted not in columns:
            raise UnclearFilesError(
                where,
                expected=f"a column {wanted!r} for the target",
                found=f"the columns {', '.join(columns)}",
                fix=hint(wanted, columns, "name one of them with --target"),
            )
        return wanted, ""
    named = [name for name in columns if name.lower() in _SURE]
    if len(named) == 1:
        return named[0], "called as targets are; name another column with --target"
    others = [name for name, facts in columns.items() if not is_text(facts)]
    if len(columns) > len(others) == 1 and _is_closed(columns[others[0]]):
        return others[0], "the only column that is no text; name another one with --target"
    likely = _likely(columns)
    shown = "; ".join(f"{name} ({_words(columns[name])})" for name in likely)
    raise UnclearFilesError(
        where,
        expected="to know which column is the target",
        found=f"the columns {', '.join(columns)}",
        fix=f"name it with --target, most likely {shown}",
    )


def _likely(columns: Mapping[str, ColumnFacts]) -> list[str]:
    names = list(columns)
    by_name = [name for name in names if name.lower() in (*_SURE, *_LIKELY)]
    ends = [name for name in (names[-1], names[0]) if not is_text(columns[name])]
    closed = [name for name in names if _is_closed(columns[name])]
    return list(dict.fromkeys([*by_name, *ends, *closed]))[:3]


def _is_closed(facts: ColumnFacts) -> bool:
    most = min(_MOST_CLASSES, max(2, facts.known // 2))
    return facts.is_closed and 1 < len(facts.values) <= most


def _words(facts: ColumnFacts) -> str:
    if _is_class(facts):
        return f"{len(facts.values):,} classes"
    return "a number" if number_keys(facts) is not None else "texts"


def _is_class(facts: ColumnFacts) -> bool:
    numbers = number_keys(facts)
    if numbers is None:
        return True
    few = len(facts.values) <= min(_MOST_NUMBERED, max(2, facts.known // 2))
    return numbers.keys["dtype"] == "int64" and facts.is_closed and few


def guess_target(facts: ColumnFacts, test: ColumnFacts | None = None) -> tuple[Guess, Guess]:
    """Return the keys of `[target]` beside its column, and those of its column.

    Args:
        facts: The column in the files of the train split.
        test: The column in the files of all other splits.

    Raises:
        UnclearFilesError: There are too many classes.
    """
    missing = {"missing": "drop"} if facts.missing else {}
    spelled = sorted(text for text in facts.missing if text)
    if spelled:
        missing["missing_values"] = spelled  # type: ignore[assignment]
    dropped = (
        f"{facts.missing.total():,} rows without a target are dropped" if facts.missing else ""
    )
    if not _is_class(facts):
        numbers = number_keys(facts)
        assert numbers is not None  # noqa: S101  what is no class is a number
        return Guess({}, numbers.reason), Guess({**numbers.keys, **missing}, dropped)
    names = _class_names(facts)
    if not facts.is_closed or len(names) > _MOST_CLASSES:
        raise UnclearFilesError(
            f"column {facts.name}",
            expected="a target of classes or numbers",
            found=f"{len(facts.values):,} different texts in {facts.rows:,} rows",
            fix="name another column with --target",
        )
    reason = ""
    if number_keys(facts) is not None and len(names) > 2:
        reason = "few whole numbers, so classes; leave classes out if they are an amount"
    keys = {"classes": names, **_spellings(names, test)}
    return Guess(keys, reason), Guess({"dtype": "str", **missing}, dropped)


def _class_names(facts: ColumnFacts) -> list[str]:
    whole = all(re.fullmatch(r"-?[0-9]+", name) for name in facts.values)
    return sorted(facts.values, key=lambda name: (int(name), name) if whole else (0, name))


def _spellings(names: Sequence[str], test: ColumnFacts | None) -> dict[str, dict[str, list[str]]]:
    """Return how other files spell the classes, where they end in a dot or have another case."""
    if test is None:
        return {}
    plain = {name.strip(".").lower(): name for name in names}
    others: dict[str, list[str]] = {}
    for text in test.values:
        name = plain.get(text.strip(".").lower())
        if text not in names and name is not None and len(plain) == len(names):
            others.setdefault(name, []).append(text)
    return {"spellings": others} if others else {}
