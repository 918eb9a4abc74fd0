"""How long a stage still takes, by the mean speed so far."""

import pytest
from rich.progress import Progress

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


def test_the_start_of_workers_does_not_count_when_enough_is_done() -> None:
    now = 100.0
    column = TimeLeft()
    bars = Progress(column, get_time=lambda: now, auto_refresh=False)
    task = bars.add_task("clean", total=101)
    for done in range(1, 42):  # one piece a second, after ten seconds without any
        now = 110.0 + done
        bars.update(task, completed=done)
        column.render(bars.tasks[0])
    assert str(column.render(bars.tasks[0])) == "0:01:00"
