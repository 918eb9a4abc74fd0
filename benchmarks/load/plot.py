"""Draws rows per second as horizontal bars."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from load.from_memory import LIMIT
from load.report import SHUFFLED, CaseReport
from load.summarise import medians
from load.svg import SVG_SETTINGS
from matplotlib import rc_context
from matplotlib.figure import Figure

_OURS, _PEERS, _LIMIT = "#0b7285", "#adb5bd", "#c92a2a"
_INCHES_PER_BAR = 0.27


def draw(reports: Sequence[CaseReport], path: Path) -> None:
    """Write an SVG with a panel for each data set: a shuffled epoch without workers, log scale.

    Equal figures make equal bytes.
    """
    bars = [_bars(report) for report in reports]
    heights = [len(panel) + 3 for panel in bars]
    with rc_context(SVG_SETTINGS):
        size = (8, _INCHES_PER_BAR * sum(heights))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(reports), squeeze=False, height_ratios=heights)
        for axis, report, panel in zip(axes[:, 0], reports, bars, strict=True):
            _draw_panel(axis, report, panel)
        figure.savefig(path, format="svg", facecolor="white", metadata={"Date": None})


def _bars(report: CaseReport) -> list[tuple[str, float]]:
    found = {result.name: medians(result).get(SHUFFLED) for result in report.results}
    rates = {name: one.rows_per_s for name, one in found.items() if one and name != LIMIT.name}
    return sorted(rates.items(), key=lambda bar: bar[1])


def _draw_panel(axis: Any, report: CaseReport, bars: list[tuple[str, float]]) -> None:
    names, rates = [name for name, _ in bars], [rate for _, rate in bars]
    colours = [_OURS if name.startswith("shardmill") else _PEERS for name in names]
    drawn = axis.barh(names, rates, color=colours, height=0.7)
    axis.bar_label(drawn, [_short(rate) for rate in rates], padding=3)
    axis.set_xscale("log")
    axis.set_title(
        f"{report.case.name}: rows per second, shuffled, one process (log scale)",
        loc="left",
        fontsize=9,
    )
    limit = next((r for r in report.results if r.name == LIMIT.name), None)
    one = medians(limit).get(SHUFFLED) if limit is not None else None
    highest = max(rates, default=1.0)
    if one is not None:
        highest = max(highest, one.rows_per_s)
        axis.axvline(one.rows_per_s, color=_LIMIT, linewidth=1, linestyle="--")
        axis.annotate(
            f"limit {_short(one.rows_per_s)}",
            (one.rows_per_s, 0),
            xytext=(4, 0),
            textcoords="offset points",
            color=_LIMIT,
            va="center",
        )
    axis.set_xlim(min(rates, default=1.0) / 2, highest * 4)
    axis.minorticks_off()
    axis.xaxis.set_major_formatter(lambda rate, _: _short(rate))
    axis.tick_params(axis="y", length=0)
    axis.margins(y=0.02)
    axis.spines[["top", "right"]].set_visible(False)


def _short(rate: float) -> str:
    size, unit = (1e6, " M") if rate >= 1e6 else (1e3, " k")
    return f"{rate / size:.3g}{unit}"
