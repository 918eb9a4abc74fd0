"""Draws rows of a run: images in a grid, and features as coloured points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

_LEGEND = 20  # with more classes the colours cannot be told apart


def image_figure(images: Tensor, captions: Sequence[str], title: str) -> Figure:
    """Return a grid of images with a caption above each. Without images there is only the title.

    Args:
        images: The images [n, c, h, w]; see `visible`.
        captions: The captions [n].
        title: The title above the grid.
    """
    columns = min(max(len(images), 1), 6)
    lines = -(-len(images) // columns)
    figure = Figure((max(1.5 * columns, 4), 0.5 + 1.85 * lines))
    FigureCanvasAgg(figure)
    figure.text(0.02, 1 - 0.12 / figure.get_figheight(), title, va="top", parse_math=False)
    if lines:
        top = 1 - 0.8 / figure.get_figheight()
        grid = figure.subplots(lines, columns, squeeze=False)
        figure.subplots_adjust(0.02, 0.02, 0.98, top, wspace=0.1, hspace=0.35)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, pixels, caption in zip(grid.flat, visible(images), captions, strict=False):
            axes.imshow(pixels)
            axes.set_title(caption, fontsize=8, parse_math=False)
    return figure


def visible(images: Tensor) -> Any:
    """Return images [n, c, h, w] of any dtype as uint8 [n, h, w, 3].

    Three channels are red, green and blue. Of any other number of channels, the mean is shown in
    grey. Values of another dtype than uint8 are scaled, from the least of all images to the
    greatest.
    """
    values = images.float()
    if values.shape[1] != 3:
        values = values.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    if images.dtype != torch.uint8 and values.numel():
        low, high = values.min(), values.max()
        values = (values - low) / (high - low).clamp(min=torch.finfo().tiny) * 255
    return values.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def points_figure(points: Tensor, classes: Tensor, names: Sequence[str], title: str) -> Figure:
    """Return the first two coordinates of points [n, 3], coloured by class [n], with a legend."""
    figure = Figure((7, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    colours = class_colours(len(names))
    present = sorted(set(classes.tolist()))
    for index in present:
        x, y = points[classes == index, :2].T.numpy()
        # A dollar sign would begin a formula, and a leading underscore would hide the label.
        label = names[index].replace("$", r"\$").lstrip("_") or "-"
        axes.scatter(x, y, s=8, color=colours[index] / 255, label=label)
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second principal component")
    axes.set_title(title, fontsize=9, parse_math=False)
    if len(present) <= _LEGEND:
        figure.legend(loc="outside right upper", markerscale=2)
    return figure


def scale_figure(points: Tensor, numbers: Tensor, name: str, title: str) -> Figure:
    """Return the first two coordinates of points [n, 3], coloured by a number [n], with a scale."""
    figure = Figure((7, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    x, y = points[:, :2].T.numpy()
    drawn = axes.scatter(x, y, s=8, c=numbers.numpy(), cmap="viridis")
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second principal component")
    axes.set_title(title, fontsize=9, parse_math=False)
    figure.colorbar(drawn).set_label(name, parse_math=False)
    return figure


def class_colours(count: int) -> Any:
    """Return a colour for each class, uint8 [count, 3]."""
    if count <= 10:
        shares = colormaps["tab10"](range(count))
    else:
        shares = colormaps["hsv"](np.arange(count) / count)
    return np.round(shares[:, :3] * 255).astype(np.uint8)


def to_pixels(figure: Figure) -> Any:
    """Return a picture as uint8 [h, w, 3]."""
    canvas: Any = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()
