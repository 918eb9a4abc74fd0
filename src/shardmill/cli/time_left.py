"""The column of progress bars that says how long a stage still takes."""

from datetime import timedelta

from rich.progress import ProgressColumn, Task
from rich.text import Text

_PARTS, _PIECES = 20, 5  # so many are enough to know the speed


class TimeLeft(ProgressColumn):
    """The time until a stage ends if the rest goes at the mean speed so far.

    Parts end in groups, as many at a time as there are workers. rich's own column takes the speed
    within a group for that of the stage. When enough is done, the time before the first end no
    longer counts, since workers start then.
    """

    max_refresh: float | None = 0.5

    def __init__(self) -> None:
        super().__init__()
        self._ends: dict[int, tuple[float, float]] = {}  # what was done, and when all will be
        self._firsts: dict[int, tuple[float, float]] = {}  # what was done at first, and when

    def render(self, task: Task) -> Text:
        """Return hours, minutes and seconds, or dashes before the first part is done."""
        if not task.completed or task.total is None or task.start_time is None:
            return Text("-:--:--")
        now = task.get_time()
        done, end = self._ends.get(task.id, (0.0, 0.0))
        if done != task.completed:
            first, at = self._firsts.setdefault(task.id, (task.completed, now))
            # Pieces that are counted do not end in groups, as parts do.
            if task.completed - first < (_PIECES if task.fields.get("ask") else _PARTS):
                first, at = 0.0, task.start_time
            speed = (task.completed - first) / max(now - at, 1e-9)
            end = now + (task.total - task.completed) / speed
            self._ends[task.id] = (task.completed, end)
        return Text(str(timedelta(seconds=max(round(end - now), 0))))
