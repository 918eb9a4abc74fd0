"""Draws where shardmill's time goes as stacked bars."""

from collections.abc import Sequence
from pathlib import Path

from load.svg import SVG_SETTINGS
from matplotlib import rc_context
from matplotlib.figure import Figure
from preprocess.growth import Step
from preprocess.stages import REST, stage_seconds

_COLOURS = ("#0b7285", "#66d9e8", "#f08c00", "#5f3dc4", "#2b8a3e", "#c92a2a", "#e599f7", "#ffd43b")
_REST_COLOUR = "#adb5bd"
_INCHES_PER_BAR = 0.32


def draw(steps: Sequence[Step], path: Path) -> None:
    """Write an SVG with a bar for each size and number of workers: time of a row, by stage.

    Equal figures make equal bytes.
    """
    bars = {
        f"{step.rows:,} rows ({step.kind}), workers: {result.contender.workers}": {
            name: 1e6 * seconds / step.rows
            for name, seconds in stage_seconds(result.builds).items()
        }
        for step in steps
        for result in step.results
        if result.builds
    }
    if not bars:
        return
    stages = [
        name for name in dict.fromkeys(n for bar in bars.values() for n in bar) if name != REST
    ]
    colours = [*(_COLOURS[i % len(_COLOURS)] for i in range(len(stages))), _REST_COLOUR]
    with rc_context(SVG_SETTINGS):
        figure = Figure(figsize=(8, _INCHES_PER_BAR * (len(bars) + 4)), layout="constrained")
        axis = figure.subplots()
        left = [0.0] * len(bars)
        for stage, colour in zip([*stages, REST], colours, strict=True):
            widths = [max(bar.get(stage, 0.0), 0.0) for bar in bars.values()]
            drawn = axis.barh(list(bars), widths, left=left, color=colour, height=0.7, label=stage)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        axis.bar_label(drawn, [f"{total:.3g}" for total in left], padding=3)
        axis.invert_yaxis()
        axis.set_title("microseconds of a row, whole process, by stage", loc="left", fontsize=9)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=6, frameon=False)
        axis.set_xlim(0, 1.15 * max(left))
        axis.tick_params(axis="y", length=0)
        axis.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, format="svg", facecolor="white", metadata={"Date": None})
