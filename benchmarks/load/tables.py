"""Figures as Markdown and as JSON."""

import json
from typing import Any


def five_digits(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts as JSON has them, numbers rounded to what was measured."""
    rounded: dict[str, Any] = json.loads(
        json.dumps(facts), parse_float=lambda text: float(f"{float(text):.5g}")
    )
    return rounded


def number(value: float | None) -> str:
    """Return a figure with three digits, or all before the point."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
