"""Draws confusion matrices, with matplotlib."""

from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_NUMBERED = 30  # with more classes the numbers cannot be read


def confusion_figure(table: Sequence[Sequence[int]], names: Sequence[str], title: str) -> Figure:
    """Return a picture of a confusion matrix.

    A colour says the share of the rows of the true class, and a number says how many rows they are.

    Args:
        table: How many rows there are by [true class][predicted class].
        names: The names of the classes.
        title: The title above the picture.
    """
    shares = [[n / max(sum(row), 1) for n in row] for row in table]
    side = min(2.5 + 0.35 * len(names), 16)
    figure = Figure((side + 1, side), layout="constrained")
    FigureCanvasAgg(figure)  # no window system is asked for
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, fontsize=9, parse_math=False)
    figure.colorbar(image, label="share of the true class")
    if len(names) > _NUMBERED:
        return figure
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    for true, row in enumerate(table):
        for predicted, n in enumerate(row):
            dark = shares[true][predicted] > 0.5
            colour = "white" if dark else "black"
            axes.text(predicted, true, f"{n:,}", ha="center", va="center", color=colour, fontsize=7)
    return figure
