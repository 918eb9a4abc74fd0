"""Prints single rows of an artifact: as cleaned, as tensors, and those that were left out."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from shardmill.cli.visible import number, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Facts = dict[str, Any]
_VALUES = 8  # of a tensor in a line


def row_lines(row: Facts, console: "Console") -> "Iterator[Text]":
    """Yield the lines of a row in a card: its number, its cleaned cells, and its tensors, cut."""
    from rich.text import Text

    yield Text(f"  {row['split']}:{row['row']}", "bold")
    cells = ", ".join(f"{name} {_cell(value)}" for name, value in row["cleaned"].items())
    width = max(7, *map(len, row["tensors"]))
    yield Text(f"    {'cleaned':<{width}}  {visible(cells, max(console.width - width - 6, 20))}")
    for name, tensor in row["tensors"].items():
        yield Text(f"    {name:<{width}}  {_tensor(tensor, _VALUES)}")


def print_row(row: Facts, features: list[str], console: "Console") -> None:
    """Print one row with everything that is known of it."""
    from rich.text import Text

    def line(text: str, style: str = "") -> None:
        console.print(Text(text, style), highlight=False, soft_wrap=True)

    line(f"{row['split']}:{row['row']}", "bold cyan")
    raw = row["raw"]
    line("raw", "bold cyan")
    place = raw.get("place")
    if place is None:
        line(f"  {', '.join(map(visible, raw['files'])) or 'not known'}")
    else:
        number = "".join(f", {unit} {place[unit]:,}" for unit in ("line", "row") if unit in place)
        line(f"  {visible(place['file'])}{number}")
        for text in (place["text"] or "").splitlines():
            line(f"  {visible(text)}")
    line("cleaned", "bold cyan")
    for name, value in row["cleaned"].items():
        line(f"  {visible(name):<24} {_cell(value)}")
    for name, tensor in row["tensors"].items():
        line(f"{name}  {tensor['dtype']} {tensor['shape']}", "bold cyan")
        names = features if list(tensor["shape"]) == [len(features)] and name == "x" else []
        if names and len(tensor["values"]) == len(names):
            for feature, value in zip(names, tensor["values"], strict=True):
                line(f"  {visible(feature):<24} {_cell(value)}")
        else:
            line(f"  {_tensor(tensor, len(tensor['values']))}")


def print_left_out(rows: Mapping[str, list[Facts]], console: "Console") -> None:
    """Print rows that were left out, by split: where they are, why, and their text."""
    from rich.text import Text

    for name, left_out in rows.items():
        for row in left_out:
            place = f"{visible(row['file'])}, line {row['line']}"
            console.print(Text(f"{name}  {place}", "bold"), highlight=False, soft_wrap=True)
            console.print(Text(f"  {visible(row['reason'])}"), highlight=False, soft_wrap=True)
            console.print(
                Text(f"  {visible(row['text'] or '', 400)}"), highlight=False, soft_wrap=True
            )


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "missing" if value is None else visible(value)
    return number(value, grouped=False)


def _tensor(tensor: Facts, most: int) -> str:
    """Return the first values of a tensor, its shape if it has more, and its classes."""
    if "class" in tensor:
        index, name = str(tensor["values"][0]), visible(tensor["class"])
        return name if name == index else f"{index} = {name}"
    if "classes" in tensor:
        return ", ".join(map(visible, tensor["classes"])) or "none of the classes"
    if not tensor["shape"]:
        return number(tensor["values"][0])
    values = ", ".join(number(value, grouped=False) for value in tensor["values"][:most])
    size = 1
    for length in tensor["shape"]:
        size *= length
    if "min" in tensor and len(tensor["shape"]) > 1:
        return f"{tensor['shape']}, from {number(tensor['min'])} to {number(tensor['max'])}"
    return f"[{values}{', ...' if size > most else ''}]" + (f" of {size:,}" if size > most else "")
