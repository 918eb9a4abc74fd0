"""Draws the errors of a model of numbers, with matplotlib."""

from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def residuals_figure(
    predicted: Sequence[float], true: Sequence[float], name: str, title: str
) -> Figure:
    """Return a picture with a point for each row: its residual over the number of the model.

    A residual is the true number minus that of the model. So points above the line are rows for
    which the model said too little.

    Args:
        predicted: The numbers of the model [n].
        true: The true numbers [n].
        name: The name of the target.
        title: The title above the picture.
    """
    figure = Figure((6.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)  # no window system is asked for
    axes = figure.add_subplot()
    residuals = [truth - said for said, truth in zip(predicted, true, strict=True)]
    axes.scatter(predicted, residuals, s=9, alpha=0.5, linewidths=0)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xlabel(f"predicted {name}", parse_math=False)
    axes.set_ylabel("true minus predicted")
    axes.set_title(title, fontsize=9, parse_math=False)
    return figure
