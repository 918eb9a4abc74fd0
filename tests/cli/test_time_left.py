"""How long a stage still takes, by the mean speed so far."""

import pytest
from rich.progress import Progress

from shardmill.cli.output import progress_bars
from shardmill.cli.time_left import TimeLeft


def test_the_time_left_is_that_of_the_mean_speed() -> None:
    now = 100.0
    column = TimeLeft()
    bars = Progress(column, get_time=lambda: now, auto_refresh=False)
    task = bars.add_task("clean", total=42)
    seen = []
    # Two workers: parts end in pairs, the first pair after 10 seconds, then one every 4.
    for at, done in ((105.0, 0), (110.0, 1), (110.1, 2), (112.1, 2), (114.1, 4), (190.0, 42)):
        now = at
        bars.update(task, completed=done)
        seen.append(str(column.render(bars.tasks[0])))
    assert seen == ["-:--:--", "0:06:50", "0:03:22", "0:03:20", "0:02:14", "0:00:00"]


@pytest.mark.parametrize("total", [None, 0])
def test_nothing_to_do(total: int | None) -> None:
    column = TimeLeft()
    bars = Progress(column, auto_refresh=False)
    bars.add_task("clean", total=total)
    assert str(column.render(bars.tasks[0])) == "-:--:--"


def test_a_bar_begins_anew_with_each_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    made: list[Progress] = []
    begin = Progress.__enter__

    def noted(bars: Progress) -> Progress:
        made.append(bars)
        return begin(bars)

    monkeypatch.setattr(Progress, "__enter__", noted)
    with progress_bars(quiet=False) as progress:
        progress("clean", 0, 4)
        progress("clean", 4, 4)
        first = made[0].tasks[0].start_time
        progress("clean", 0, 2)
        (task,) = made[0].tasks
    assert first is not None and task.start_time is not None
    assert (task.completed, task.total, task.start_time > first) == (0, 2, True)
