"""Draws small images as text: two pixels a character, or shades where there are no colours."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Pixels = npt.NDArray[Any]
_SHADES = " ░▒▓█"
_ASCII_SHADES = " .:*#"
_WIDEST = 28
_BETWEEN = 2


def draw_images(images: Pixels, names: Sequence[str], console: "Console") -> "list[Text]":
    """Return the lines of a row of images [n, c, h, w], each above its name.

    As many are drawn as fit the console. They are grey if they have one channel, or if the console
    has no colours.
    """
    from rich.text import Text

    count, channels, height, width = images.shape
    columns = min(width, _WIDEST)
    count = min(count, max((console.width - 2) // (columns + _BETWEEN), 1))
    columns = min(columns, max(console.width - 2 - _BETWEEN, 1))
    rows = max(round(columns * height / width / 2), 1)
    colours = console.color_system in ("256", "truecolor") and channels in (1, 3)
    drawn = [
        _half_blocks(image, rows, columns) if colours else _shades(image, rows, columns, console)
        for image in (_bytes(image) for image in images[:count])
    ]
    lines = [
        Text("  ").append_text(Text(" " * _BETWEEN).join(parts))
        for parts in zip(*drawn, strict=True)
    ]
    labels = [name[:columns].ljust(columns) for name in names[:count]]
    return [*lines, Text("  " + (" " * _BETWEEN).join(labels).rstrip())]


def _bytes(image: Pixels) -> npt.NDArray[np.float64]:
    """Return an image [c, h, w] with numbers from 0 to 255; those of uint8 stay as they are."""
    pixels = np.nan_to_num(image.astype(np.float64))
    if image.dtype == np.uint8:
        return pixels
    low, high = pixels.min(), pixels.max()
    return (pixels - low) / (high - low) * 255 if high > low else np.zeros_like(pixels)


def _scaled(image: npt.NDArray[np.float64], rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Return the means of the pixels of an image [c, h, w] in a grid: [c, rows, columns]."""
    _, height, width = image.shape
    ys = [
        (height * y // rows, max(height * (y + 1) // rows, height * y // rows + 1))
        for y in range(rows)
    ]
    xs = [
        (width * x // columns, max(width * (x + 1) // columns, width * x // columns + 1))
        for x in range(columns)
    ]
    return np.stack(
        [
            [image[:, top:bottom, left:right].mean((1, 2)) for left, right in xs]
            for top, bottom in ys
        ]
    ).transpose(2, 0, 1)


def _half_blocks(image: npt.NDArray[np.float64], rows: int, columns: int) -> "list[Text]":
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    pixels = _scaled(image, 2 * rows, columns).round().astype(int)
    pixels = np.repeat(pixels, 3, 0) if len(pixels) == 1 else pixels
    lines = []
    for row in range(rows):
        line = Text()
        for column in range(columns):
            top, bottom = (
                Color.from_rgb(*pixels[:, 2 * row + half, column].tolist()) for half in (0, 1)
            )
            line.append("▀", Style(color=top, bgcolor=bottom))
        lines.append(line)
    return lines


def _shades(
    image: npt.NDArray[np.float64], rows: int, columns: int, console: "Console"
) -> "list[Text]":
    from rich.text import Text

    shades = _SHADES if console.encoding.lower().startswith("utf") else _ASCII_SHADES
    levels = _scaled(image, rows, columns).mean(0) / 256 * len(shades)
    return [Text("".join(shades[int(level)] for level in line)) for line in levels]
