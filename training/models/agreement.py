"""The facts in which two datasets must agree for the numbers in their `x` to mean the same."""

from typing import Any

from shardmill.serve.preprocessor import Preprocessor

Terms = dict[str, list[Any]]


def input_terms(preprocessor: Preprocessor) -> Terms:
    """Return what the numbers that a preprocessor makes stand for, by the name of the fact."""
    fitted = preprocessor.fitted
    facts = [fitted.statistics.get(name) for name in fitted.features]
    statistics = fitted.statistics.items()
    return {
        "fields": [f"{f.name} {f.dtype} {list(f.shape)}" for f in fitted.inputs],
        "features": list(fitted.features),
        "scales": [(fact.offset, fact.divisor) if fact else None for fact in facts],
        "numbers of texts": _maps(preprocessor),
        "categories": [f"{n}: {s.categories}" for n, s in statistics if s.categories],
        "tokens": [] if fitted.vocab is None else fitted.vocab.get_itos(),
    }


def _maps(preprocessor: Preprocessor) -> list[str]:
    columns = getattr(preprocessor.recipe, "columns", {})  # only tables have columns
    return [f"{name}: {column.map}" for name, column in columns.items() if column.map]


def first_difference(ours: Terms, theirs: Terms) -> tuple[str, str] | None:
    """Return the first fact that differs, in words, as each has it; None if all agree."""
    for name, expected in ours.items():
        found = theirs[name]
        if expected != found:
            return f"{name} {_short(expected, found)}", f"{name} {_short(found, expected)}"
    return None


def _short(values: list[Any], others: list[Any]) -> str:
    """Return `values` in words or, if there are many, the first that differs from `others`."""
    if len(values) <= 20 and len(others) <= 20:
        return ", ".join(map(str, values)) or "none"
    place = next((i for i, (a, b) in enumerate(zip(values, others, strict=False)) if a != b), -1)
    if place < 0:
        return f"({len(values):,})"
    return f"({len(values):,}, with {values[place]!r} at {place:,})"
