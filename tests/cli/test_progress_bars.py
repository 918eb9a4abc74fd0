"""Bars of stages and splits: what they show, and whom they ask."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from shardmill.cli.progress_bars import callbacks_of, make_bars, progress_bars


def shown(bars: Progress) -> list[tuple[str, float, float | None]]:
    list(bars.get_renderables())
    return [(t.description, t.completed, t.total) for t in bars.tasks if t.visible]


@pytest.fixture
def bars() -> Progress:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    return make_bars(console, lambda: 0.0)


def test_each_split_has_a_bar(bars: Progress) -> None:
    progress = callbacks_of(bars).progress
    progress("toy clean train", 0, 4)
    progress("toy clean train", 3, 4)
    assert shown(bars) == [("toy clean train", 3, 4)]
    progress("toy clean test", 0, 2)
    assert shown(bars) == [("toy clean train", 4, 4), ("toy clean test", 0, 2)]
    progress("toy clean test", 0, 2)
    progress("toy clean test", 1, 2)
    assert len(shown(bars)) == 2


def test_who_counts_is_asked_before_each_drawing(bars: Progress) -> None:
    calls, counted = callbacks_of(bars), [0]
    assert calls.watch is not None
    calls.watch("toy clean train", lambda: counted[-1], 4)
    for count, seen in ((0, 0), (1, 1), (3, 3), (9, 3)):  # the total is about right
        counted.append(count)
        assert shown(bars) == [("toy clean train", seen, 4)]
    calls.progress("toy clean train", 4, 4)
    counted.append(0)
    assert shown(bars) == [("toy clean train", 4, 4)]


def test_what_nobody_knows_the_size_of(bars: Progress) -> None:
    progress = callbacks_of(bars).progress
    progress("toy fit", 0, 0)
    progress("toy fit", 0, 0)
    assert shown(bars) == [("toy fit", 0, None)]
    progress("toy fit", 1, 1)
    assert shown(bars) == [("toy fit", 1, 1)]


def test_a_bar_begins_anew(bars: Progress) -> None:
    progress = callbacks_of(bars).progress
    progress("toy fetch f", 5, 9)
    progress("toy fetch f", 0, 9)  # from another mirror
    assert shown(bars) == [("toy fetch f", 0, 9)]


def test_only_the_last_bars_are_in_view(bars: Progress) -> None:
    progress = callbacks_of(bars).progress
    for at in range(9):
        progress(f"stage {at}", 0, 1)
    assert [name for name, _, _ in shown(bars)] == [f"stage {at}" for at in range(5, 9)]


def test_a_line_fits_a_terminal(bars: Progress) -> None:
    progress = callbacks_of(bars).progress
    progress("california_housing shard train, validation, test", 1, 1000)
    console = bars.console
    with console.capture() as capture:
        console.print(bars.get_renderable())
    (line,) = capture.get().rstrip("\n").split("\n")
    assert "0%" in line and "-:--:--" not in line


@pytest.mark.parametrize("quiet", [True, False])
def test_nothing_is_drawn_without_a_terminal(
    quiet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bars(quiet=quiet) as calls:
        calls.progress("toy clean train", 0, 1)
    assert calls.watch is None
    assert capsys.readouterr().err == ""
