"""A clock without waiting: what happens when, in order."""

import heapq
import itertools
from collections.abc import Callable, Generator
from functools import partial


class Event:
    """Something that happens once, and that processes wait for."""

    def __init__(self) -> None:
        self.has_happened: bool = False
        self.waiting: list[Process] = []


# A process yields how many seconds it waits, or the event that it waits for.
Process = Generator[float | Event, None, None]


class Clock:
    """Runs processes in simulated time.

    Attributes:
        now: The seconds since the beginning.

    Example:
        >>> clock, rang = Clock(), Event()
        >>> def wake() -> Process:
        ...     yield rang
        ...     print(clock.now)
        >>> clock.start(wake())
        >>> clock.call_in(5.0, lambda: clock.happen(rang))
        >>> clock.run()
        5.0
    """

    def __init__(self) -> None:
        self.now: float = 0.0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()  # what is due at the same time comes in this order

    def call_in(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function in some seconds."""
        heapq.heappush(self._queue, (self.now + seconds, next(self._count), function))

    def start(self, process: Process) -> None:
        """Let a process go on now."""
        self.call_in(0.0, partial(self._go_on, process))

    def happen(self, event: Event) -> None:
        """Let an event happen now."""
        event.has_happened = True
        for process in event.waiting:
            self.start(process)
        event.waiting.clear()

    def run(self, until: Event | None = None) -> None:
        """Run until an event has happened, or until nothing is left to do."""
        while self._queue and not (until is not None and until.has_happened):
            self.now, _, function = heapq.heappop(self._queue)
            function()

    def _go_on(self, process: Process) -> None:
        waits_for = next(process, None)
        if isinstance(waits_for, Event):
            if waits_for.has_happened:
                self.start(process)
            else:
                waits_for.waiting.append(process)
        elif waits_for is not None:
            self.call_in(waits_for, partial(self._go_on, process))
